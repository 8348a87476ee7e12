"""The fused Adam makes the updates of fairseq's, resumes exactly, and shares its checkpoints with fairseq's."""

from __future__ import annotations

import io
from copy import deepcopy
from typing import Any, Sequence

import pytest
import torch
from fairseq.optim.adam import Adam
from torch import nn

from fairseq_cmlm.training.fused_adam import FusedAdam

OPTIONS: dict[str, Any] = {"lr": 1e-2, "betas": (0.9, 0.98), "eps": 1e-6, "weight_decay": 0.01}
KINDS = (FusedAdam, Adam)


def parameters() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(5, 7)), nn.Parameter(torch.randn(3))]


def update(optimizer: Any, steps: Sequence[int]) -> None:
    """Make the updates `steps`, with gradients from far above --adam-eps to far below it."""
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for group in optimizer.param_groups:
            group["lr"] = OPTIONS["lr"] / (1 + step)
            for each in group["params"]:
                size = 10.0 ** -torch.randint(1, 9, each.shape, generator=generator)
                each.grad = torch.randn(each.shape, generator=generator) * size
        optimizer.step()


def saved(optimizer: Any) -> Any:
    """The optimizer's state, to a file and back."""
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_the_updates_are_those_of_fairseq() -> None:
    found, expected = parameters(), parameters()
    fused, theirs = FusedAdam(found, **OPTIONS), Adam(expected, **OPTIONS)
    for step in range(12):
        update(fused, [step])
        update(theirs, [step])
        for mine, its in zip(found, expected):
            assert mine.allclose(its, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("before", KINDS)
@pytest.mark.parametrize("after", KINDS)
def test_a_training_goes_on_where_it_was_saved(before: type, after: type) -> None:
    whole, first = parameters(), parameters()
    update(before(whole, **OPTIONS), range(8))
    optimizer = before(first, **OPTIONS)
    update(optimizer, range(4))
    state = saved(optimizer)
    assert [one["step"] for one in state["state"].values()] == [4, 4]
    second = deepcopy(first)
    resumed = after(second, **OPTIONS)
    resumed.load_state_dict(state)
    update(resumed, range(4, 8))
    exact = {} if before is after else {"rtol": 1e-5, "atol": 1e-6}
    for mine, its in zip(second, whole):
        assert mine.allclose(its, **exact) if exact else mine.equal(its)
    assert [one["step"] for one in saved(resumed)["state"].values()] == [8, 8]


def test_the_options_stay_as_they_were_given() -> None:
    optimizer = FusedAdam(parameters(), **OPTIONS)
    update(optimizer, range(3))
    assert optimizer.param_groups[0]["eps"] == OPTIONS["eps"]
