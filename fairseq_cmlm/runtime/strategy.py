"""The decoding strategies and stopping rules of fairseq_cmlm.decoding, in numpy: which positions are masked again?"""

from __future__ import annotations

import math
from typing import Callable, NamedTuple

import numpy as np

from fairseq_cmlm.runtime.arrays import Array


class Pass(NamedTuple):
    """A pass over n rows, as a strategy sees it.

    masked     (n, T) bool, what the pass has predicted
    log_probs  (n, T) float32, natural log, of each token in the pass that predicted it
    fillable   (n, T) bool, what may be masked: no padding, nothing that the user has fixed
    quota      (n,) int64, how many the schedule wants masked again
    unchanged  (n,) int64, how many consecutive passes up to this one have changed no token of the row
    """

    masked: Array
    log_probs: Array
    fillable: Array
    quota: Array
    unchanged: Array


class StoppingRule(NamedTuple):
    """A function Pass -> (n, T) or (n, 1) bool, which positions may be masked again, and the reason for the others."""

    reason: str
    may_remask: Callable[[Pass], Array]


def lowest(values: Array, count: Array, among: Array) -> Array:
    """Find the `count` (n,) smallest values (n, T) of each row among the positions `among` (n, T), as (n, T) bool.

    Ties go to the leftmost position.

    >>> lowest(np.array([[3.0, 1.0, 2.0]]), np.array([2]), np.ones((1, 3), bool)).tolist()
    [[False, True, True]]
    """
    order = np.where(among, values, np.inf).argsort(axis=1, kind="stable")
    found = np.zeros(values.shape, bool)
    np.put_along_axis(found, order, np.arange(values.shape[1]) < count[:, None], axis=1)
    return found & among


def mask_predict(made: Pass) -> Array:
    """Mask the least sure tokens of the whole row."""
    return lowest(made.log_probs, made.quota, made.fillable)


def without_remasking(made: Pass) -> Array:
    """Keep filled tokens for good, filling the surest first, at least one per pass."""
    return lowest(made.log_probs, np.minimum(made.quota, made.masked.sum(1) - 1), made.masked)


STRATEGIES: dict[str, Callable[[Pass], Array]] = {"mask_predict": mask_predict, "without_remasking": without_remasking}


def while_changing(passes: int) -> StoppingRule:
    """Stop masking a row once its predictions have been identical for so many consecutive passes."""
    return StoppingRule("unchanged", lambda made: made.unchanged[:, None] < passes)


def below_threshold(probability: float) -> StoppingRule:
    """Mask only tokens whose probability, in the pass that predicted them, was below `probability`."""
    return StoppingRule("sure", lambda made: made.log_probs < math.log(probability))
