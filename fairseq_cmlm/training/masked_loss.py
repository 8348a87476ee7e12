"""The loss over masked tokens and the loss of the length, both as sums in natural log."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class TokenLoss(NamedTuple):
    """Scalars, float32: `smoothed` is what training minimises, `nll` the plain negative log-likelihood."""

    smoothed: Tensor
    nll: Tensor


def token_loss(logits: Tensor, target: Tensor, smoothing: float) -> TokenLoss:
    """Label-smoothed cross-entropy, summed over M tokens.

    logits     (M, V) any float type, computed in float32
    target     (M,) int64
    smoothing  e in (1-e) * nll + e * mean over V of the negative log-probabilities

    Written with the log-sum-exp alone: no second tensor of M * V log-probabilities is kept for the backward pass.
    """
    logits = logits.float()
    normaliser = logits.logsumexp(dim=1)
    nll = (normaliser - logits.gather(1, target[:, None]).squeeze(1)).sum()
    if not smoothing:
        return TokenLoss(nll, nll)
    spread = (normaliser - logits.mean(dim=1)).sum()
    return TokenLoss((1 - smoothing) * nll + smoothing * spread, nll)


class LengthLoss(NamedTuple):
    """Scalars: the summed negative log-likelihood, and how many lengths were predicted right."""

    nll: Tensor
    correct: Tensor


def length_loss(logits: Tensor, lengths: Tensor) -> LengthLoss:
    """Cross-entropy of the target lengths (B,), `</s>` included, under `logits` (B, L) whose index is the length."""
    nll = functional.cross_entropy(logits.float(), lengths, reduction="sum")
    return LengthLoss(nll, torch.sum(logits.argmax(dim=1) == lengths))
