"""Layer normalisation: torch's own, and its gradients in bfloat16 on a CPU."""

from __future__ import annotations

from typing import Iterator

import pytest
import torch

from fairseq_cmlm.model.layer_norm import LayerNorm


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """With more, each sums fewer rows."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_gradients_in_lower_precision_are_summed_over_many_rows() -> None:
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(8192, 64, generator=draw).bfloat16()
    gradient = (torch.randn(8192, 64, generator=draw) + 0.5).bfloat16()
    exact, norm = LayerNorm(64).double(), LayerNorm(64)
    exact(x.double()).backward(gradient.double())
    with torch.autocast("cpu", torch.bfloat16):
        y = norm(x)
    y.backward(gradient)
    assert y.dtype == torch.bfloat16
    for one, other in zip(norm.parameters(), exact.parameters()):
        assert one.grad is not None and other.grad is not None
        assert (one.grad - other.grad).norm() < 0.02 * other.grad.norm()


def test_elsewhere_it_is_torchs() -> None:
    x = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
    norm, plain = LayerNorm(8), torch.nn.LayerNorm(8)
    for dtype in (torch.float32, torch.bfloat16):
        assert norm.to(dtype)(x.to(dtype)).equal(plain.to(dtype)(x.to(dtype)))
    assert list(norm.state_dict()) == ["weight", "bias"]
