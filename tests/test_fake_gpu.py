"""The fake GPU counts what a GPU would make the host wait for, and nothing else."""

from __future__ import annotations

from typing import Callable

import pytest
import torch
from fake_gpu import FakeGpu
from torch import Tensor


@pytest.mark.parametrize(
    ("waits", "ask"),
    [
        (1, lambda x: x.sum().item()),
        (1, lambda x: bool(x.isnan().any())),
        (1, lambda x: x.tolist()),
        (1, lambda x: x.cpu()),
        (1, lambda x: x.nonzero()),
        (1, lambda x: x[x > 1]),
        (1, lambda x: x[torch.tensor([0, 1])]),
        (1, lambda x: x.add_(torch.ones(3).to("gpu"))),
        (1, lambda x: torch.tensor([1.0], device="gpu") * x),
        (1, lambda x: x.copy_(torch.ones(3), non_blocking=True)),  # of memory that is not pinned
        (0, lambda x: x.copy_(torch.ones(3).pin_memory(), non_blocking=True)),
        (0, lambda x: torch.ones(3).pin_memory().to("gpu", non_blocking=True)),
        (0, lambda x: x[torch.arange(2, device="gpu")].cumsum(0) * 2 + torch.tensor(3.0)),
        (0, lambda x: torch.nonzero_static(x, size=2)),
        (0, lambda x: x.masked_fill(x > 1, 0.0)),
    ],
)
def test_what_is_waited_for(waits: int, ask: Callable[[Tensor], object]) -> None:
    with FakeGpu() as gpu:
        x = torch.arange(3.0, device="gpu")
        ask(x)
    assert sum(gpu.waits.values()) == waits


def test_devices_do_not_mix() -> None:
    with FakeGpu(), pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        torch.arange(3.0, device="gpu") + torch.ones(3)


def test_numbers_and_gradients_are_real() -> None:
    weight = torch.randn(4, 3, requires_grad=True)
    with FakeGpu() as gpu:
        there = weight.detach().to("gpu").requires_grad_()
        (there.cumsum(0) ** 2).sum().backward()
        found = there.grad.cpu()
    (weight.cumsum(0) ** 2).sum().backward()
    assert found.equal(weight.grad) and gpu.launches
