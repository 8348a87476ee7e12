"""Objectives on a small network: what they see, weigh, count and learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from small_network import PAD, batch, learn, network
from torch import Tensor

from fairseq_cmlm.model.network import Network
from fairseq_cmlm.schedule import cosine
from fairseq_cmlm.training import batch_loss
from fairseq_cmlm.training.batch_loss import Batch, masked_token_losses, view_loss
from fairseq_cmlm.training.noising import NOISINGS, View, uniform
from fairseq_cmlm.training.objectives import OBJECTIVES, weighted
from fairseq_cmlm.training.options import Training

NAMES = sorted(OBJECTIVES)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_is_the_sum_of_its_sentences(name: str) -> None:
    made, loss, options = network(name), OBJECTIVES[name].loss, Training(objective=name)
    whole = loss(made, batch(), options)
    parts = [loss(made, batch(slice(i, i + 1)), options) for i in range(3)]
    assert float(whole.loss) == pytest.approx(sum(float(part.loss) for part in parts), rel=1e-5)
    assert whole.size == pytest.approx(sum(part.size for part in parts))
    for key, value in whole.logged.items():
        assert float(value) == pytest.approx(sum(float(part.logged[key]) for part in parts), rel=1e-5), key
    other = loss(made, batch(epoch=2), options)
    assert float(other.loss) != pytest.approx(float(whole.loss), rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_part_may_be_empty(name: str) -> None:
    """In epoch 3 nothing is corrected, and no sentence glances."""
    losses = OBJECTIVES[name].loss(network(name), batch(epoch=3), Training(objective=name))
    losses.loss.backward()
    assert all(float(value) >= 0 for value in losses.logged.values()) and losses.loss > 0
    if name in ("cmlmc", "glancing"):
        assert 0 in losses.logged.values()


@pytest.mark.parametrize("name", NAMES)
def test_padding_on_the_left_changes_nothing(name: str) -> None:
    made, loss, options = network(name), OBJECTIVES[name].loss, Training(objective=name)
    right, left = (loss(made, batch(left=side), options) for side in (False, True))
    assert right.logged.keys() == left.logged.keys()
    for key, value in right.logged.items():
        assert float(value) == pytest.approx(float(left.logged[key]), rel=1e-5), key


# The gradient of minimum_risk is that of an expectation: test_minimum_risk.py.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "minimum_risk"])
def test_the_gradient_is_that_of_the_loss(name: str) -> None:
    """By a small step along it: what is guessed, sampled or judged is constant to the gradient, and so it is here."""
    made, options = network(name).double(), Training(objective=name)
    parameters = [value for key, value in made.named_parameters() if not key.startswith("heads.") or name == "prism"]
    loss = OBJECTIVES[name].loss(made, batch(), options).loss
    gradient = torch.autograd.grad(loss, parameters)
    steepness = float(sum((one**2).sum() for one in gradient)) ** 0.5
    found = []
    for step in (1e-3, -2e-3):
        with torch.no_grad():
            for parameter, one in zip(parameters, gradient):
                parameter += step / steepness * one
            found.append(float(OBJECTIVES[name].loss(made, batch(), options).loss))
    assert (found[0] - found[1]) / 2e-3 == pytest.approx(steepness, rel=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_learns_in_bfloat16_too(name: str) -> None:
    """A pass without a gradient must not leave parameters without one in autocast's cache."""
    made, options = network(name, layers=2), Training(objective=name)
    with torch.autocast("cpu", torch.bfloat16):
        loss = OBJECTIVES[name].loss(made, batch(), options).loss
    assert loss.dtype == torch.float32
    loss.backward()
    silent = {key for key, value in made.named_parameters() if value.grad is None or not value.grad.any()}
    assert not {key for key in silent if not key.startswith("heads.") or name == "prism"}


@pytest.mark.parametrize("name", NAMES)
def test_every_part_is_learned(name: str) -> None:
    found = learn(name, 60, network(name))
    for key in (one for one in found[0].logged if f"{one}_size" in found[0].logged or one == "nll_loss"):
        size = "nmasked" if key == "nll_loss" else f"{key}_size"

        def mean(some: list[Any], key: str = key, size: str = size) -> float:
            total = sum(float(one.logged[key]) for one in some)
            return total / sum(one.logged[size] for one in some)

        first, last = mean(found[:10]), mean(found[-10:])
        assert last < 0.7 * first, (key, first, last)


@pytest.mark.parametrize("name", [name for name in NAMES if "ramp_updates" in OBJECTIVES[name].options])
def test_a_ramp_begins_with_the_plain_loss(name: str) -> None:
    made, plain = network(), network()
    options = Training(objective=name, ramp_updates=10)
    assert [options.progress(updates) for updates in (0, 5, 10, 20)] == [0, 0.5, 1, 1]
    first, last = (OBJECTIVES[name].loss(made, replace(batch(), progress=at), options) for at in (0.0, 1.0))
    assert float(first.loss) != float(last.loss)
    if name in ("cmlmc", "amom", "smart"):
        expected = OBJECTIVES["cmlm"].loss(plain, batch(), Training())
        assert first.loss.equal(expected.loss) and first.size == expected.size


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_spare_rows_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, options = network(name), Training(objective=name)
    found = []
    for spare in (0, 3):
        monkeypatch.setattr(batch_loss, "spare_rows", lambda number, device, spare=spare: spare)
        made.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):  # as where there are spare rows
            losses = OBJECTIVES[name].loss(made, batch(), options)
        losses.loss.backward()
        found.append((losses, [p.grad for p in made.parameters()]))
    (losses, gradients), (others, other_gradients) = found
    assert float(others.loss) == pytest.approx(float(losses.loss), rel=1e-4) and others.size == losses.size
    for one, other in zip(gradients, other_gradients):
        assert (other - one).norm() <= 0.05 * one.norm() if one is not None else other is None


@pytest.mark.parametrize("name", ["cmlm", "hybrid"])
def test_the_noising_is_the_one_that_is_named(name: str) -> None:
    options = Training(objective=name, noising="full")
    assert OBJECTIVES[name].loss(network(name), batch(), options).logged["nmasked"] == 8 + 4 + 6


def test_the_likelihood_weighs_by_how_much_is_masked() -> None:
    made, one = network(), batch(slice(0, 1))
    (view,) = uniform(one.example)
    plain = masked_token_losses(made, one, Training(label_smoothing=0.0), [view])
    bound = OBJECTIVES["likelihood"].loss(made, one, Training(objective="likelihood", label_smoothing=0.0))
    scale = 8 / int(view.predict.sum())
    assert float(bound.logged["nll_loss"]) == pytest.approx(scale * float(plain.logged["nll_loss"]), rel=1e-5)
    assert bound.size == 8 and plain.size == int(view.predict.sum())
    # k is uniform whatever the schedule is, for else N / k would not be its weight.
    other = Batch(one.source, replace(one.example, schedule=cosine))
    assert float(OBJECTIVES["likelihood"].loss(made, other, Training()).loss) == pytest.approx(
        float(OBJECTIVES["likelihood"].loss(made, one, Training()).loss)
    )


def test_views_have_weights_of_their_own() -> None:
    """Two views of each sentence in one pass are the sum of two passes over the same encoding."""
    made, whole = network(), batch()
    encoding, target = made.encode(whole.source), whole.example.target
    (one,) = NOISINGS["full"].views(whole.example)
    (other,) = uniform(whole.example)
    other = weighted(other, whole.example.fillable.sum(1))
    together, number = view_loss(made, encoding, target, [one, other], 0.1)
    apart = [view_loss(made, encoding, target, [view], 0.1) for view in (one, other)]
    assert float(together.smoothed) == pytest.approx(sum(float(loss.smoothed) for loss, _ in apart), rel=1e-5)
    assert number == sum(size for _, size in apart)
    assert float(apart[1][0].nll) != pytest.approx(
        float(view_loss(made, encoding, target, [replace(other, weight=None)], 0.1)[0].nll)
    )


class Watched:
    """A network that keeps the canvases which are read, and whether with a gradient."""

    def __init__(self, made: Network) -> None:
        self.made, self.read, self.learns = made, list[Tensor](), list[bool]()
        self.heads, self.encode, self.project = made.heads, made.encode, made.project

    def states(self, encoding: Any, canvas: Tensor, positions: Tensor) -> Tensor:
        self.read.append(canvas)
        self.learns.append(torch.is_grad_enabled())
        return self.made.states(encoding, canvas, positions)

    def logits(self, encoding: Any, canvas: Tensor, positions: Tensor) -> Tensor:
        return self.project(self.states(encoding, canvas, positions))

    def causal_logits(self, encoding: Any, tokens: Tensor, positions: Tensor) -> Tensor:
        return self.made.causal_logits(encoding, tokens, positions)


@pytest.mark.parametrize(
    ("name", "learns"),
    [
        ("cmlm", [True]),
        ("cmlmc", [True, False, True]),
        ("glancing", [False, True]),
        ("smart", [False, True]),
        ("smart_all", [False, True]),
        ("amom", [True, True]),
        ("prism", [True, True]),
        ("minimum_risk", [True]),
        ("hybrid", [True]),
    ],
)
def test_passes_that_guess_have_no_gradient(name: str, learns: list[bool]) -> None:
    made, whole = Watched(network(name)), batch()
    OBJECTIVES[name].loss(made, whole, Training(objective=name))
    assert made.learns == learns
    for canvas in made.read:
        words = canvas[canvas.ne(whole.example.target)]
        assert not any((words == symbol).any() for symbol in (0, PAD, 2)), "a control symbol was guessed"
        assert canvas.eq(PAD).equal(whole.example.target.eq(PAD))


def test_an_objective_may_read_views_of_its_own() -> None:
    """Predict from the full mask first, then from its own predictions, as correction objectives do."""
    made, whole = Watched(network()), batch()
    encoding = made.encode(whole.source)
    (full,) = NOISINGS["full"].views(whole.example)
    positions = full.predict.flatten().nonzero().squeeze(1)
    guess = made.logits(encoding, full.canvas, positions).argmax(1)
    canvas = whole.example.target.flatten().index_copy(0, positions, guess).view_as(whole.example.target)
    loss, _ = view_loss(made, encoding, whole.example.target, [View(canvas, whole.example.fillable)], 0.0)
    loss.smoothed.backward()
    assert len(made.read) == 2
