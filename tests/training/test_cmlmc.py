"""CMLMC: what is replaced, what is learned from it, and that the network then mends what it reads."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_network import MASK, batch, learn, long_sentences, network
from torch import Tensor

from fairseq_cmlm.training.batch_loss import Reader
from fairseq_cmlm.training.cmlmc import cmlmc, replaced
from fairseq_cmlm.training.noising import uniform
from fairseq_cmlm.training.options import Training


@pytest.mark.parametrize("share", [0.0, 0.15, 0.3, 1.0])
def test_the_number_is_exact_and_the_choice_even(share: float) -> None:
    text = long_sentences()
    revealed = text.fillable & ~uniform(text)[0].predict
    chosen = replaced(text, revealed, share)
    assert not (chosen & ~revealed).any()
    assert chosen.sum(1).tolist() == [int(share * int(number) + 1e-6) for number in revealed.sum(1)]
    if share == 0.15:
        counts = chosen.sum(0)[:20]
        assert (counts - counts.float().mean()).abs().max() < 5 * float(counts.float().mean()) ** 0.5


def test_both_readings_keep_the_masks_and_differ_where_guesses_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[Tensor, Tensor]] = []
    whole, logits = batch(), Reader.logits

    def watched(self: Reader, canvas: Tensor, asked: Tensor) -> Any:
        read.append((canvas, asked))
        return logits(self, canvas, asked)

    monkeypatch.setattr(Reader, "logits", watched)
    cmlmc(network(), whole, Training(objective="cmlmc", guess_share=0.6))
    (first, masked), (everything, guessed), (second, chosen) = read
    assert everything.eq(MASK).equal(whole.example.fillable)
    assert first.eq(MASK).equal(masked) and second.eq(MASK).equal(masked)
    assert guessed.equal(chosen) and not (chosen & masked).any()
    changed = first.ne(second)
    assert changed.any() and not (changed & ~chosen).any()


def mended(objective: str) -> float:
    """The share of wrong words, put into the targets of a network that has learned them, in whose place it is right."""
    made, whole = network(objective), batch()
    learn(objective, 150, made)
    made.eval()
    target, fillable = whole.example.target, whole.example.fillable
    encoding, right, number = made.encode(whole.source), 0, 0
    for place in range(3):
        wrong = torch.zeros_like(fillable)
        wrong[:, place] = True
        logits = made.logits(encoding, torch.where(wrong, 3, target), wrong.flatten().nonzero().squeeze(1))
        right += int((logits.argmax(1) == target[wrong]).sum())
        number += 3
    return right / number


def test_wrong_words_are_mended() -> None:
    assert mended("cmlmc") > 0.75
    assert mended("smart_all") > 0.75
