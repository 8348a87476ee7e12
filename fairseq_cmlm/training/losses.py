"""The loss over masked tokens and the loss of the length, both as sums in natural log."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


class TokenLoss(NamedTuple):
    """Scalars, float32: `smoothed` is what training minimises, `nll` the plain negative log-likelihood."""

    smoothed: Tensor
    nll: Tensor


def token_loss(logits: Tensor, target: Tensor, smoothing: float, weights: Optional[Tensor] = None) -> TokenLoss:
    """Sum the label-smoothed cross-entropy of M tokens.

    logits     (M, V) any float type, computed in float32. The backward pass overwrites them with their gradient, so
               nothing else may read them afterwards
    target     (M,) int64
    smoothing  e in (1-e) * nll + e * mean over V of the negative log-probabilities
    weights    (M,) float32, weights of the tokens; None for 1 each

    >>> token_loss(torch.zeros(2, 4), torch.tensor([0, 3]), 0.0).nll.item() == 2 * torch.tensor(4.0).log().item()
    True
    """
    with torch.autocast(logits.device.type, enabled=False):
        return TokenLoss(*_TokenLoss.apply(logits, target, smoothing, weights))  # type: ignore[no-untyped-call]


class _TokenLoss(torch.autograd.Function):
    """Token loss computed a few rows at a time, without another tensor of M * V numbers.

    The logits are by far the largest tensor of a training step. Their gradient has the same shape and type, and the
    network does not need them for its own gradients, so the backward pass overwrites them.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, target: Tensor, smoothing: float, weights: Optional[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return the two losses."""
        each, spread = [], []
        for block, gold in zip(*(torch.split(tensor, _rows(logits)) for tensor in (logits, target[:, None]))):
            log_p = block.log_softmax(1, dtype=torch.float32)
            each.append(-log_p.gather(1, gold).squeeze(1))
            spread.append(-log_p.mean(1))
        scale = torch.ones(len(target), device=target.device) if weights is None else weights
        nll = (torch.cat(each) * scale).sum()
        ctx.save_for_backward(logits, target[:, None], scale[:, None])
        ctx.smoothing = smoothing
        ctx.mark_non_differentiable(nll)
        return (1 - smoothing) * nll + smoothing * (torch.cat(spread) * scale).sum(), nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *of_nll: Tensor) -> tuple[Tensor, None, None, None]:
        """Return the gradient of each logit: probability - smoothing / V, for the target also - (1 - smoothing)."""
        logits = ctx.saved_tensors[0]
        blocks = (torch.split(tensor, _rows(logits)) for tensor in ctx.saved_tensors)
        for block, gold, scale in zip(*blocks):
            found = block.softmax(1, dtype=torch.float32).sub_(ctx.smoothing / block.size(1))
            found.scatter_add_(1, gold, torch.full_like(scale, ctx.smoothing - 1)).mul_(gradient * scale)
            block.copy_(found)
        return logits, None, None, None


def _rows(logits: Tensor) -> int:
    """Return how many rows to take at a time: as many as a core's cache holds, or more to keep a GPU busy."""
    return 32 if logits.is_cpu else 1024


class LengthLoss(NamedTuple):
    """Scalars: the summed negative log-likelihood, and the number of lengths predicted right."""

    nll: Tensor
    correct: Tensor


def length_loss(logits: Tensor, lengths: Tensor) -> LengthLoss:
    """Sum the cross-entropy of the target lengths (B,), `</s>` included, under `logits` (B, L) indexed by length.

    Length 0 is impossible and left out.

    >>> length_loss(torch.tensor([[9.0, 0.0, 2.0]]), torch.tensor([2])).correct.item()
    1
    """
    with torch.autocast(logits.device.type, enabled=False):
        possible = logits[:, 1:].float()
        nll = functional.cross_entropy(possible, lengths - 1, reduction="sum")
    return LengthLoss(nll, torch.sum(possible.argmax(dim=1) == lengths - 1))
