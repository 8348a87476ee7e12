"""Mask schedules: how many tokens of a row stay masked after each pass.

A schedule is a function (lengths, done, total) -> count of integer tensors on the host, all (N,): of a row's `lengths`
fillable tokens, `count` are masked again after `done` of `total` passes. It must fall to 0 at done == total and never
rise with `done`; the loop relies on both. To add one: a function here, a row in MASK_SCHEDULES, a row in its test.
"""

from __future__ import annotations

from typing import Callable

from torch import Tensor

MaskSchedule = Callable[[Tensor, int, Tensor], Tensor]


def linear(lengths: Tensor, done: int, total: Tensor) -> Tensor:
    """floor(N * (T - t) / T) (paper, section 3.1, "n = N * (T - t) / T"), exact in integers.

    The released code masks at least one token until pass T; here a row with nothing left to mask is finished.
    """
    return lengths * (total - done).clamp(min=0) // total


MASK_SCHEDULES: dict[str, MaskSchedule] = {"linear": linear}
