"""Mask schedules: the share of a row's tokens that is masked, in decoding and in training alike.

A schedule maps progress t, a float tensor in [0, 1] of any shape, to the masked share m(t) of the same shape. It begins
with m(0) = 1, never rises, and ends with m(1) = 0. Decoding masks floor(N m(t / T)) of N tokens again after pass t of
T; training draws t uniformly and masks about N m(t) tokens. To add one: a function here, a row in SCHEDULES, a row in
its test.
"""

from __future__ import annotations

import math
from typing import Callable

import torch
from torch import Tensor

MaskSchedule = Callable[[Tensor], Tensor]

# Added before rounding down, so that an exactly whole product stays whole: 108 * (1 - 5 / 12) is 63. All other products
# of the linear schedule have a fraction of at least 1 / T.
_WHOLE = 1e-9


def linear(progress: Tensor) -> Tensor:
    """Return 1 - t (paper, section 3.1: n = N (T - t) / T).

    >>> linear(torch.tensor([0.0, 0.25, 1.0])).tolist()
    [1.0, 0.75, 0.0]
    """
    return 1 - progress


def cosine(progress: Tensor) -> Tensor:
    """Return cos(pi t / 2): few tokens are revealed in the first passes, many in the last (MaskGIT, Chang et al. 2022).

    >>> [round(share, 3) for share in cosine(torch.tensor([0.0, 0.5, 1.0])).tolist()]
    [1.0, 0.707, -0.0]
    """
    return torch.cos(progress * (math.pi / 2))


def square(progress: Tensor) -> Tensor:
    """Return 1 - t^2: few tokens are revealed at first, then more and more (MaskGIT, Chang et al. 2022).

    >>> square(torch.tensor([0.0, 0.5, 1.0])).tolist()
    [1.0, 0.75, 0.0]
    """
    return 1 - progress**2


def square_root(progress: Tensor) -> Tensor:
    """Return 1 - t^(1/2): many tokens are revealed at first, then fewer and fewer (MaskGIT's counterexample).

    >>> square_root(torch.tensor([0.0, 0.25, 1.0])).tolist()
    [1.0, 0.5, 0.0]
    """
    return 1 - progress**0.5


SCHEDULES: dict[str, MaskSchedule] = {
    "linear": linear,
    "cosine": cosine,
    "square": square,
    "square_root": square_root,
}


def remasked_count(schedule: MaskSchedule, lengths: Tensor, done: int, total: Tensor) -> Tensor:
    """Count the tokens to mask again, (N,) int64, of `lengths` (N,) tokens after `done` of `total` (N,) passes.

    The counts never rise with `done` and are 0 from done == total on.

    >>> remasked_count(linear, torch.tensor([10, 3]), 1, torch.tensor([4, 4])).tolist()
    [7, 2]
    """
    share = schedule((done / total.double()).clamp(max=1)).clamp(min=0)
    return (lengths * share + _WHOLE).long()


def trained_count(schedule: MaskSchedule, numbers: Tensor, most: Tensor) -> Tensor:
    """Draw how many tokens a training view masks, (B,) int64 from 1 to `most` (B,) int64.

    numbers  (B,) float32, uniform in [0, 1)

    With the linear schedule every count is equally likely.

    >>> trained_count(linear, torch.tensor([0.0, 0.5, 0.99]), torch.tensor([4, 4, 4])).tolist()
    [1, 3, 4]
    """
    share = schedule(1 - numbers).clamp(min=0)
    # The product can round up to `most` when the share is the largest below 1.
    return torch.minimum(1 + (share * most).long(), most)
