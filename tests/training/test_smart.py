"""SMART: how many of the words that are shown are the network's own."""

from __future__ import annotations

import pytest
import torch
from small_network import batch, long_sentences, network

from fairseq_cmlm.training.noising import uniform
from fairseq_cmlm.training.objectives import OBJECTIVES
from fairseq_cmlm.training.options import Training
from fairseq_cmlm.training.smart import first_masks, smart


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("length", [3, 20])
def test_the_share_of_own_words_is_the_option(share: float, length: int) -> None:
    text = long_sentences(8000, length)
    first, observed = first_masks(text, share), text.fillable & ~uniform(text)[0].predict
    assert not (first & ~text.fillable).any()
    assert float((first & observed).sum() / observed.sum()) == pytest.approx(share, abs=0.01)


def test_half_of_them_is_a_first_pass_with_any_number_of_masks() -> None:
    counts = first_masks(long_sentences(4000), 0.5).sum(1).bincount(minlength=21)
    assert ((counts[1:20] - 200).abs() < 75).all()  # five standard deviations


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_without_own_words_the_loss_is_the_plain_one_to_the_bit(dropout: float) -> None:
    found = []
    for name, options in (("smart", Training(objective="smart", guess_share=0.0)), ("cmlm", Training())):
        made = network(dropout=dropout).train()
        torch.manual_seed(3)
        loss = OBJECTIVES[name].loss(made, batch(), options).loss
        loss.backward()
        found.append([loss, *(parameter.grad for parameter in made.parameters())])
    assert all(one is not None and other is not None and one.equal(other) for one, other in zip(*found))


def test_with_own_words_it_is_not() -> None:
    made = network()
    assert not smart(made, batch(), Training(objective="smart")).loss.equal(
        smart(made, batch(), Training(objective="smart", guess_share=0.0)).loss
    )
