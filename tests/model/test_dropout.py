"""Dropout on a CPU: how much is dropped, by which random numbers, and its gradient."""

from __future__ import annotations

import pytest
import torch

from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.dropout import Dropout
from fairseq_cmlm.model.encoder import Encoder
from fairseq_cmlm.model.packing import packing_of


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("probability", [0.1, 0.25, 0.5, 0.9])
def test_the_share_is_dropped_and_the_mean_kept(probability: float, kind: torch.dtype) -> None:
    torch.manual_seed(1)
    x = torch.ones(1001, 101, dtype=kind)
    found = Dropout(probability)(x)
    kept = found != 0
    assert found.shape == x.shape and found.dtype == kind
    assert 1 - float(kept.float().mean()) == pytest.approx(probability, abs=0.006)
    assert float(found.float().mean()) == pytest.approx(1, abs=0.02)
    assert found[kept].unique().numel() == 1
    assert float(found.max()) == pytest.approx(1 / (1 - probability), rel=2**-8)


def test_neighbours_are_dropped_independently() -> None:
    torch.manual_seed(1)
    dropped = (Dropout(0.5)(torch.ones(100, 1000)) == 0).double() - 0.5
    for step in (1, 2, 3, 4, 5, 1000):
        together = dropped.flatten()[step:] * dropped.flatten()[:-step]
        assert float(together.mean()) == pytest.approx(0, abs=0.004), step


def test_a_seed_gives_the_same_mask_again_and_the_next_call_another() -> None:
    dropout, x = Dropout(0.5), torch.ones(30)
    torch.manual_seed(3)
    first, second = dropout(x), dropout(x)
    torch.manual_seed(3)
    assert dropout(x).equal(first) and not second.equal(first)


def test_the_gradient_is_that_of_the_mask() -> None:
    x = torch.full((7, 3), 2.0, requires_grad=True)
    found = Dropout(0.5)(x)
    found.sum().backward()
    assert x.grad is not None and x.grad.equal(found.detach() / 2)


def test_nothing_is_dropped_in_evaluation_or_with_probability_0() -> None:
    x = torch.ones(9)
    assert Dropout(0.5).eval()(x) is x and Dropout(0.0)(x) is x


def test_a_probability_next_to_1_divides_by_no_0() -> None:
    assert Dropout(1 - 1e-9)(torch.ones(1000)).isfinite().all()


def test_every_dropout_drops_in_training(both: tuple[Encoder, Decoder]) -> None:
    encoder, decoder = both
    source, canvas = torch.tensor([[5, 6, 7, 2]]), torch.tensor([[8, 9, 2]])

    def read() -> list[float]:
        encoded = encoder(source)
        found = decoder.features(canvas, packing_of(canvas.ne(1)), decoder.memory(encoded), torch.arange(3))
        return [*encoded.states.flatten().tolist(), *found.flatten().tolist()]

    encoder.train(), decoder.train()
    places = [one for part in both for one in part.modules() if isinstance(one, Dropout)]
    for one in places:
        one.probability = 0.0
    assert read() == read() and len(places) > 20
    for one in places:
        one.probability = 0.5
        assert read() != read()
        one.probability = 0.0
