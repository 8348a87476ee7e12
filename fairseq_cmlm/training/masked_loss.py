"""The loss over masked tokens and the loss of the length, both as sums in natural log."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


class TokenLoss(NamedTuple):
    """Scalars, float32: `smoothed` is what training minimises, `nll` the plain negative log-likelihood."""

    smoothed: Tensor
    nll: Tensor


def token_loss(logits: Tensor, target: Tensor, smoothing: float) -> TokenLoss:
    """Label-smoothed cross-entropy, summed over M tokens.

    logits     (M, V) any float type, computed in float32; backward writes their gradient over them
    target     (M,) int64
    smoothing  e in (1-e) * nll + e * mean over V of the negative log-probabilities
    """
    return TokenLoss(*_TokenLoss.apply(logits, target, smoothing))  # type: ignore[no-untyped-call]


class _TokenLoss(torch.autograd.Function):
    """Goes through the logits a few rows at a time, so that no other tensor of M * V numbers is ever made."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
        """The two losses."""
        blocks = torch.split(logits, _rows(logits))
        normaliser = torch.cat([block.float().logsumexp(dim=1) for block in blocks])
        mean = torch.cat([block.mean(dim=1, dtype=torch.float32) for block in blocks])
        nll = (normaliser - logits.gather(1, target[:, None]).squeeze(1)).sum()
        ctx.save_for_backward(logits, target[:, None], normaliser[:, None])
        ctx.smoothing = smoothing
        ctx.mark_non_differentiable(nll)
        return (1 - smoothing) * nll + smoothing * (normaliser - mean).sum(), nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *of_nll: Tensor) -> tuple[Tensor, None, None]:
        """Of each logit: probability - smoothing / V, for the target also - (1 - smoothing)."""
        logits = ctx.saved_tensors[0]
        blocks = (torch.split(tensor, _rows(logits)) for tensor in ctx.saved_tensors)
        for block, gold, log_sum in zip(*blocks):
            found = block.float().sub_(log_sum).exp_().sub_(ctx.smoothing / block.size(1))
            found.scatter_add_(1, gold, torch.full_like(log_sum, ctx.smoothing - 1)).mul_(gradient)
            block.copy_(found)
        return logits, None, None


def _rows(logits: Tensor) -> int:
    """How many rows at a time: as many as a core's cache holds; on a GPU more, for it to be busy."""
    return 32 if logits.is_cpu else 1024


class LengthLoss(NamedTuple):
    """Scalars: the summed negative log-likelihood, and how many lengths were predicted right."""

    nll: Tensor
    correct: Tensor


def length_loss(logits: Tensor, lengths: Tensor) -> LengthLoss:
    """Cross-entropy of the target lengths (B,), `</s>` included, under `logits` (B, L) whose index is the length."""
    nll = functional.cross_entropy(logits.float(), lengths, reduction="sum")
    return LengthLoss(nll, torch.sum(logits.argmax(dim=1) == lengths))
