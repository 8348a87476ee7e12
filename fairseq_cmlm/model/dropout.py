"""Dropout whose masks are cheap to draw on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# 16 random bits decide whether a number is dropped.
_STEPS = 1 << 16


class Dropout(nn.Module):
    """Dropout with `probability`, active in training only."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Apply dropout to x (...); shape and type stay."""
        return dropout(x, self.probability) if self.training else x


def dropout(x: Tensor, probability: float) -> Tensor:
    """Set each number of x to 0 with `probability`, and divide the others by the share that is kept.

    On a CPU torch draws a float64 for each number of a mask, which takes as long as a matrix product. Here one 64-bit
    integer decides four numbers, so the probability is rounded to a multiple of 2^-16.

    >>> dropout(torch.ones(1000), 0.5).unique().tolist()
    [0.0, 2.0]
    """
    if not x.is_cpu:
        return functional.dropout(x, probability)
    dropped = min(round(probability * _STEPS), _STEPS - 1)
    return x * _factors(x, dropped) if dropped else x


def _factors(x: Tensor, dropped: int) -> Tensor:
    """Draw factors of the shape and type of x: 0 with probability `dropped` / _STEPS, else 1 over the share kept."""
    four = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    kept = four.view(torch.int16)[: x.numel()].ge_(dropped - _STEPS // 2)  # written over the bits: 0 or 1
    return kept.to(x.dtype).mul_(_STEPS / (_STEPS - dropped)).view(x.shape)
