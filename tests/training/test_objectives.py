"""Objectives on a small network: what they see, weigh and count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from fairseq_cmlm.model.layer import LayerSize
from fairseq_cmlm.model.network import Network, NetworkSize, build_network
from fairseq_cmlm.schedule import cosine
from fairseq_cmlm.sentence_random import sentence_keys
from fairseq_cmlm.training.noising import NOISINGS, Example, View, uniform
from fairseq_cmlm.training.objectives import OBJECTIVES, Batch, masked_token_losses, view_loss, weighted
from fairseq_cmlm.training.options import Training

MASK, PAD = 14, 1


def network() -> Network:
    torch.manual_seed(1)
    layer = LayerSize(16, 32, 2, False, 0.0, 0.0, 0.0)
    return build_network(NetworkSize(layer, layer, 1, 1, words=(15, 15), positions=(9, 9), pads=(1, 1)))


def batch(sentences: slice = slice(None)) -> Batch:
    source = torch.tensor([[5, 6, 2, 1], [7, 8, 9, 2], [4, 2, 1, 1]])[sentences]
    target = torch.tensor([[9, 8, 7, 6, 2], [5, 2, 1, 1, 1], [4, 4, 2, 1, 1]])[sentences]
    keys = sentence_keys(1, 1, torch.arange(3)[sentences])
    return Batch(source, Example(target, target.ne(PAD), keys, MASK))


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_a_batch_is_the_sum_of_its_sentences(name: str) -> None:
    made, loss, options = network(), OBJECTIVES[name].loss, Training(objective=name)
    whole = loss(made, batch(), options)
    parts = [loss(made, batch(slice(i, i + 1)), options) for i in range(3)]
    assert float(whole.loss) == pytest.approx(sum(float(part.loss) for part in parts), rel=1e-5)
    assert whole.size == sum(part.size for part in parts)
    for key, value in whole.logged.items():
        assert float(value) == pytest.approx(sum(float(part.logged[key]) for part in parts), rel=1e-5), key


def test_the_likelihood_weighs_by_how_much_is_masked() -> None:
    made, one = network(), batch(slice(0, 1))
    (view,) = uniform(one.example)
    plain = masked_token_losses(made, one, Training(label_smoothing=0.0), [view])
    bound = OBJECTIVES["likelihood"].loss(made, one, Training(objective="likelihood", label_smoothing=0.0))
    scale = 5 / int(view.predict.sum())
    assert float(bound.logged["nll_loss"]) == pytest.approx(scale * float(plain.logged["nll_loss"]), rel=1e-5)
    assert bound.size == 5 and plain.size == int(view.predict.sum())
    # k is uniform whatever the schedule is, for else N / k would not be its weight.
    other = Batch(one.source, replace(one.example, schedule=cosine))
    assert float(OBJECTIVES["likelihood"].loss(made, other, Training()).loss) == pytest.approx(
        float(OBJECTIVES["likelihood"].loss(made, one, Training()).loss)
    )


def test_views_have_gold_and_weights_of_their_own() -> None:
    """Two views of each sentence in one pass are the sum of two passes over the same encoding."""
    made, whole = network(), batch()
    encoding, target = made.encode(whole.source), whole.example.target
    (one,) = NOISINGS["full"](whole.example)
    (other,) = uniform(whole.example)
    other = replace(weighted(other, whole.example.fillable.sum(1)), gold=target.clamp(max=6))
    together, number = view_loss(made, encoding, target, [one, other], 0.1)
    apart = [view_loss(made, encoding, target, [view], 0.1) for view in (one, other)]
    assert float(together.smoothed) == pytest.approx(sum(float(loss.smoothed) for loss, _ in apart), rel=1e-5)
    assert number == sum(size for _, size in apart)
    assert float(apart[1][0].nll) != pytest.approx(
        float(view_loss(made, encoding, target, [replace(other, gold=None)], 0.1)[0].nll)
    )


def test_an_objective_may_decode_twice_over_one_encoding() -> None:
    """Predict from the full mask first, then from its own predictions, as correction objectives do."""
    calls: list[Any] = []

    class Watched:
        def __init__(self, made: Network) -> None:
            self.made = made

        def encode(self, source: Tensor) -> Any:
            calls.append("encode")
            return self.made.encode(source)

        def logits(self, encoding: Any, canvas: Tensor, positions: Tensor) -> Tensor:
            calls.append("logits")
            return self.made.logits(encoding, canvas, positions)

    made, whole = Watched(network()), batch()
    encoding = made.encode(whole.source)
    (full,) = NOISINGS["full"](whole.example)
    positions = full.predict.flatten().nonzero().squeeze(1)
    guess = made.logits(encoding, full.canvas, positions).argmax(1)
    canvas = whole.example.target.flatten().index_copy(0, positions, guess).view_as(whole.example.target)
    loss, _ = view_loss(made, encoding, whole.example.target, [View(canvas, whole.example.fillable)], 0.0)
    loss.smoothed.backward()
    assert calls == ["encode", "logits", "logits"]
