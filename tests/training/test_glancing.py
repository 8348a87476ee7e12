"""Glancing: how much is revealed, and that dropout is the same in both passes."""

from __future__ import annotations

import pytest
import torch
from small_network import MASK, batch, long_sentences, network
from torch import Tensor

from fairseq_cmlm.model.network import Network
from fairseq_cmlm.training.glancing import _CHOICE, glancing, glimpse
from fairseq_cmlm.training.noising import drawn_numbers, uniform
from fairseq_cmlm.training.objectives import OBJECTIVES
from fairseq_cmlm.training.options import Training


@pytest.mark.parametrize("wrong", [0, 1, 7, 20])
def test_what_is_revealed_is_a_share_of_what_is_wrong(wrong: int) -> None:
    text = long_sentences()
    own = torch.where(torch.arange(22) < wrong, 3, text.target)
    shown = glimpse(text, own, 0.3, drawn_numbers(text, 1)[1])
    assert (shown.sum(1) == int(0.3 * wrong + 1e-6)).all() and not (shown & ~text.fillable).any()
    # Among all tokens, not among the wrong ones.
    assert wrong < 7 or shown[:, wrong:20].any() == (wrong < 20)


def test_none_of_the_sentences_glances_and_all_of_them() -> None:
    made, whole = network(), batch()
    none = glancing(made, whole, Training(objective="glancing", glancing_share=0.0))
    plain = OBJECTIVES["cmlm"].loss(made, whole, Training())
    assert none.logged["glancing_loss_size"] == 0 and none.loss.allclose(plain.loss, rtol=1e-6)
    everything = glancing(made, whole, Training(objective="glancing", glancing_share=1.0))
    assert everything.logged["nmasked"] == 0 and everything.size == everything.logged["glancing_loss_size"] < 18


def test_dropout_is_the_same_in_both_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is revealed, so that both passes read the same canvas."""
    found: list[Tensor] = []
    states = Network.states

    def watched(self: Network, encoding: object, canvas: Tensor, *others: object) -> Tensor:
        assert canvas.eq(MASK).equal(whole.example.fillable)
        found.append(states(self, encoding, canvas, *others))  # type: ignore[arg-type]
        return found[-1]

    made, whole = network(dropout=0.3).train(), batch()
    monkeypatch.setattr(Network, "states", watched)
    monkeypatch.setattr("fairseq_cmlm.training.glancing._FIRST", 0.0)
    monkeypatch.setattr("fairseq_cmlm.training.glancing._LAST", 0.0)
    options = Training(objective="glancing", glancing_share=1.0)
    glancing(made, whole, options)
    assert len(found) == 2 and found[0].equal(found[1])
    glancing(made, whole, options)
    assert not found[0].equal(found[2])


def test_who_glances_has_any_number_of_masks() -> None:
    text = long_sentences(4000)
    number = uniform(text)[0].predict.sum(1).float()
    glances = drawn_numbers(text, _CHOICE)[0] < 0.5
    for some in (glances, ~glances):
        assert float(number[some].mean()) == pytest.approx(10.5, abs=0.7)
