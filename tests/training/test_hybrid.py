"""Hybrid: its two parts, and the log-probabilities that the causal one trains."""

from __future__ import annotations

import pytest
from small_network import PAD, batch, learn, network

from fairseq_cmlm.model import network as module
from fairseq_cmlm.training.hybrid import hybrid
from fairseq_cmlm.training.objectives import OBJECTIVES
from fairseq_cmlm.training.options import Training


def test_it_is_the_plain_loss_and_a_causal_one() -> None:
    made, whole = network(), batch()
    plain = OBJECTIVES["cmlm"].loss(made, whole, Training())
    without = hybrid(made, whole, Training(objective="hybrid", objective_weight=1e-12))
    assert without.loss.allclose(plain.loss, rtol=1e-6) and without.size == pytest.approx(plain.size)
    half, whole_weight = (hybrid(made, whole, Training(objective="hybrid", objective_weight=w)) for w in (0.5, 1.0))
    assert float(whole_weight.loss - plain.loss) == pytest.approx(2 * float(half.loss - plain.loss), rel=1e-5)
    assert half.size == plain.size + 9 and half.logged["causal_loss_size"] == 18


def test_the_causal_part_is_the_likelihood_from_left_to_right(monkeypatch: pytest.MonkeyPatch) -> None:
    made, whole = network("hybrid"), batch()
    losses = learn("hybrid", 60, made)
    assert float(losses[-1].logged["causal_loss"]) < 0.5 * float(losses[0].logged["causal_loss"])
    target = whole.example.target
    found = made.log_probs_from_left(made.encode(whole.source), target)
    expected = hybrid(made, whole, Training(objective="hybrid")).logged["causal_loss"]
    assert float(found.sum()) == pytest.approx(-float(expected), rel=1e-5)
    assert (found[target == PAD] == 0).all()
    monkeypatch.setattr(module, "LOGITS_AT_ONCE", 1)
    assert made.log_probs_from_left(made.encode(whole.source), target).allclose(found, atol=1e-6)
