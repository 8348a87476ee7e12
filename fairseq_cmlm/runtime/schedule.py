"""The mask schedules of fairseq_cmlm.schedule, in numpy."""

from __future__ import annotations

import math
from typing import Callable

import numpy as np

from fairseq_cmlm.runtime.arrays import Array

# progress in [0, 1] -> the share that is masked
SCHEDULES: dict[str, Callable[[Array], Array]] = {
    "linear": lambda progress: 1 - progress,
    "cosine": lambda progress: np.cos(progress * (math.pi / 2)),
    "square": lambda progress: 1 - progress**2,
    "square_root": lambda progress: 1 - progress**0.5,
}
_WHOLE = 1e-9  # added before rounding down, so that a product that is whole stays whole


def remasked_count(schedule: Callable[[Array], Array], lengths: Array, done: int, total: Array) -> Array:
    """Count the tokens to mask again, (N,), of `lengths` (N,) after `done` of `total` (N,) passes.

    >>> remasked_count(SCHEDULES["linear"], np.array([10, 3]), 1, np.array([4, 4])).tolist()
    [7, 2]
    """
    share = np.maximum(schedule(np.minimum(done / total, 1)), 0)
    found: Array = (lengths * share + _WHOLE).astype(np.int64)
    return found
