"""PRISM: what is judged, and what the head learns."""

from __future__ import annotations

import pytest
import torch
from small_network import MASK, batch, example, learn, long_sentences, network
from torch import Tensor

from fairseq_cmlm.model.network import Network
from fairseq_cmlm.training.batch_loss import Batch, flat, with_own_words
from fairseq_cmlm.training.noising import uniform
from fairseq_cmlm.training.options import Training
from fairseq_cmlm.training.prism import judged_tokens, prism


def test_any_number_of_the_masked_is_judged() -> None:
    text = long_sentences(4000)
    masked = uniform(text)[0].predict
    judged = judged_tokens(text, masked)
    assert not (judged & ~masked).any() and (judged.sum(1) >= 1).all()
    full = judged_tokens(text, text.fillable).sum(1).bincount(minlength=21)
    assert full[0] == 0 and ((full[1:] - 200).abs() < 75).all()


def test_what_is_judged_is_the_networks_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    made, whole, read, states = network("prism"), batch(), list[Tensor](), Network.states
    monkeypatch.setattr(Network, "states", lambda self, *given: (read.append(given[1]), states(self, *given))[1])
    prism(made, whole, Training(objective="prism"))
    first, second = read
    masked, judged = first.eq(MASK), first.eq(MASK) & second.ne(MASK)
    logits = made.logits(made.encode(whole.source), first, flat(masked))
    own = with_own_words(whole.example, logits, masked)
    assert second[judged].equal(own[judged]) and not second[judged].equal(whole.example.target[judged])
    assert second[~masked].equal(whole.example.target[~masked]) and judged.any()


def one_word_of_two(epoch: int) -> Batch:
    """Eight targets: one of two words, that nothing tells, one that is always the same, and `</s>`."""
    first = torch.randint(7, 9, (8, 1), generator=torch.Generator().manual_seed(epoch))
    target = torch.cat([first, torch.tensor([[9, 2]]).expand(8, 2)], dim=1)
    return Batch(torch.tensor([[5, 6, 2]]).expand(8, 3), example(target, torch.arange(8), epoch))


def test_the_head_knows_how_often_a_token_is_right() -> None:
    made = network("prism")
    learn("prism", 150, made, one_word_of_two)
    encoding = made.encode(torch.tensor([[5, 6, 2]]))
    for word in (7, 8):
        states = made.states(encoding, torch.tensor([[word, 9, 2]]), torch.arange(3))
        first, second, end = made.heads["quality"](states).sigmoid().flatten().tolist()
        assert 0.3 < first < 0.7 and second > 0.9 and end > 0.9, (word, first, second, end)


def test_how_many_are_judged_does_not_hang_on_how_many_are_masked() -> None:
    text = long_sentences(4000)
    masked = uniform(text)[0].predict
    number, judged = masked.sum(1), judged_tokens(text, masked).sum(1)
    for some in (range(1, 8), range(8, 15), range(15, 21)):
        here = torch.isin(number, torch.tensor(list(some)))
        share = (judged[here] / (number[here] + 1)).mean()  # k is uniform in 1..m: (m + 1) / 2 on average
        assert float(share) == pytest.approx(0.5, abs=0.05)


def test_what_is_not_judged_stays_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, read, states = batch(), [], Network.states
    monkeypatch.setattr(Network, "states", lambda self, *given: (read.append(given[1]), states(self, *given))[1])
    prism(network("prism"), whole, Training(objective="prism"))
    masked = read[0].eq(MASK)
    left = masked & ~judged_tokens(whole.example, masked)
    assert left.any() and read[1].eq(MASK).equal(left)
