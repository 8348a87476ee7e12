"""Minimum risk: its samples, and that its gradient is that of the expected risk."""

from __future__ import annotations

import pytest
import torch
from small_network import MASK, PAD, batch, learn, long_sentences, network
from torch import Tensor

from fairseq_cmlm.training import minimum_risk as module
from fairseq_cmlm.training.minimum_risk import sampled_words
from fairseq_cmlm.training.options import Training


def test_samples_follow_the_probabilities() -> None:
    text = long_sentences(2000)
    masked = text.fillable & (torch.arange(22) >= 15)
    logits = torch.tensor([0.0] * 5 + [1.0, 2.0] + [0.0] * 8).expand(int(masked.sum()), 15)
    words = sampled_words(text, logits, masked)
    assert words.shape == (4, *text.target.shape)
    for one in words:
        assert one[~masked].equal(text.target[~masked]) and (one[:, 19] == 2).all()
        drawn = one[:, 15:19].flatten()
        assert not torch.isin(drawn, torch.tensor([0, PAD, 2, MASK])).any()
        allowed = [word for word in range(15) if word not in (0, PAD, 2, MASK)]
        expected = logits[0][allowed].softmax(0)
        found = drawn.bincount(minlength=15)[allowed] / len(drawn)
        assert (found - expected).abs().max() < 0.03  # five standard deviations
    assert not words[0].equal(words[1])


@pytest.mark.parametrize("number", [1, 2])
def test_the_gradient_is_that_of_the_expected_risk(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A known risk of each of four words at the first place; the mean over many samples against the exact gradient.

    A sentence counts as often as it has masked tokens.
    """
    monkeypatch.setattr(module, "_SAMPLES", 4)
    text = long_sentences(20000, 2)
    masked = text.fillable & (torch.arange(4) < number)
    risk_of_word = torch.linspace(0, 1, 15)
    logits = torch.full((15,), -99.0)
    logits[4:8] = torch.tensor([0.0, 1.0, 0.5, -0.5])
    logits.requires_grad_()
    expected = torch.autograd.grad((logits.softmax(0) * risk_of_word).sum(), logits)[0]
    rows = logits.expand(number * len(text.target), 15) * 1
    words = sampled_words(text, rows.detach(), masked)
    surrogate = module._surrogate(rows, words, risk_of_word[words[:, :, 0]], masked)
    (found,) = torch.autograd.grad(surrogate, logits)
    assert (found / len(text.target)).allclose(number * expected, atol=4e-3)
    assert expected.abs().max() > 0.01


def _risk(some: list[module.Losses]) -> float:
    def total(key: str) -> float:
        return sum(float(one.logged[key]) for one in some)

    return total("risk") / total("risk_size")


def test_the_value_is_that_of_the_risk() -> None:
    """So that checkpoints are compared by it, and not by that of a surrogate which has a meaning only as a gradient."""
    options = Training(objective="minimum_risk", label_smoothing=0.0, length_loss_factor=0.0)
    found = module.minimum_risk(network("minimum_risk"), batch(), options)
    expected = float(found.logged["nll_loss"]) + options.own("objective_weight") * float(found.logged["risk"])
    assert float(found.logged["loss"]) == pytest.approx(expected, rel=1e-5)


def test_risk_alone_learns() -> None:
    """With nearly no cross-entropy beside it."""
    made = network("minimum_risk")
    losses = learn("minimum_risk", 150, made, objective_weight=1000.0, length_loss_factor=0.0)
    first, last = _risk(losses[:20]), _risk(losses[-20:])
    assert last < first - 0.1, (first, last)


def test_samples_belong_to_the_sentence() -> None:
    logits = torch.randn(14, 15, generator=torch.Generator().manual_seed(1))
    whole = batch().example
    masked = whole.fillable & (torch.arange(8) < 4)
    count: Tensor = masked.sum(1)
    everything = sampled_words(whole, logits[: int(count.sum())], masked)
    start = int(count[0])
    one = batch(slice(1, 2)).example
    alone = sampled_words(one, logits[start : start + int(count[1])], masked[1:2])
    assert alone.equal(everything[:, 1:2])
