"""AMOM: how much is masked the second time."""

from __future__ import annotations

import pytest
import torch
from small_network import batch, long_sentences, network

from fairseq_cmlm.model.network import Network
from fairseq_cmlm.training.amom import amom, second_masks
from fairseq_cmlm.training.noising import uniform
from fairseq_cmlm.training.options import Training


@pytest.mark.parametrize(("right", "given"), [(0.0, 0.2), (0.5, 0.5), (1.0, 0.8)])
def test_good_predictions_stay_and_what_was_given_is_masked(right: float, given: float) -> None:
    text = long_sentences(8000)
    masked = (torch.arange(22) < 10) & text.fillable
    own = torch.where((torch.arange(22) < 10 * right), text.target, 3)
    again = second_masks(text, masked, own)
    assert float(again[masked].float().mean()) == pytest.approx(1 - given, abs=0.01)
    assert float(again[text.fillable & ~masked].float().mean()) == pytest.approx(given, abs=0.01)
    assert not (again & ~text.fillable).any()


def test_dropout_is_the_same_in_both_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same canvas is read again, as if nothing had been learned of it."""
    found, states = [], Network.states
    first: list[tuple[torch.Tensor, torch.Tensor]] = []

    def watched(self: Network, encoding: object, canvas: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        first.append((canvas, positions))
        found.append(states(self, encoding, *first[0]))  # type: ignore[arg-type]
        return found[-1] if len(found) == 1 else states(self, encoding, canvas, positions)  # type: ignore[arg-type]

    monkeypatch.setattr(Network, "states", watched)
    amom(network(dropout=0.3).train(), batch(), Training(objective="amom"))
    assert found[0].equal(found[1])


def test_the_second_masks_do_not_hang_on_the_first() -> None:
    text = long_sentences(4000)
    masked = uniform(text)[0].predict
    again = second_masks(text, masked, text.target)
    assert float(again[masked].float().mean()) == pytest.approx(0.2, abs=0.02)
    assert float(again[text.fillable & ~masked].float().mean()) == pytest.approx(0.8, abs=0.02)
