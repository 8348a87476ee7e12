"""The training loss against torch's own cross-entropy, in value and gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from fairseq_cmlm.training.losses import length_loss, token_loss


def tokens(size: int, kind: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """The logits of a projection, as the loss is given them, and targets, of a vocabulary of 11."""
    weights = torch.randn(size, 11, generator=torch.Generator().manual_seed(1)).to(kind).requires_grad_()
    return weights, torch.arange(size) % 11


@pytest.mark.parametrize("size", [1, 20, 100])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2**-8)])
def test_token_loss_agrees_with_torch(size: int, smoothing: float, kind: torch.dtype, tolerance: float) -> None:
    weights, target = tokens(size, kind)
    expected = cross_entropy(weights.float(), target, label_smoothing=smoothing, reduction="sum")
    (gradient,) = torch.autograd.grad(3 * expected, weights)
    found = token_loss(weights * 1, target, smoothing)
    assert found.smoothed.dtype == found.nll.dtype == torch.float32
    assert found.smoothed.allclose(expected, rtol=1e-5)
    assert found.nll.allclose(cross_entropy(weights.float(), target, reduction="sum"), rtol=1e-5)
    (ours,) = torch.autograd.grad(3 * found.smoothed, weights)
    assert ours.dtype == kind
    assert ours.allclose(gradient, rtol=tolerance, atol=tolerance)


def test_the_overwritten_logits_are_not_used_again() -> None:
    weights, target = tokens(4)
    loss = token_loss(weights * 1, target, 0.1).smoothed
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("size", [3, 70])
def test_weights_are_those_of_the_tokens(size: int) -> None:
    weights, target = tokens(size)
    scale = torch.rand(size, generator=torch.Generator().manual_seed(2))
    each = cross_entropy(weights, target, label_smoothing=0.1, reduction="none")
    (gradient,) = torch.autograd.grad((each * scale).sum(), weights)
    found = token_loss(weights * 1, target, 0.1, scale)
    assert found.smoothed.allclose((each * scale).sum(), rtol=1e-5)
    assert found.nll.allclose((cross_entropy(weights, target, reduction="none") * scale).sum(), rtol=1e-5)
    (ours,) = torch.autograd.grad(found.smoothed, weights)
    assert ours.allclose(gradient, rtol=1e-5, atol=1e-6)


def test_length_loss_counts_what_is_right() -> None:
    logits = torch.tensor([[9.0, 0.0, 2.0], [9.0, 3.0, 1.0]])
    found = length_loss(logits, torch.tensor([2, 2]))
    assert found.correct == 1
    # The logit of the impossible length 0 takes no part.
    assert found.nll.allclose(cross_entropy(logits[:, 1:], torch.tensor([1, 1]), reduction="sum"))
