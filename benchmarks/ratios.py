"""What is computed from measured times: percentiles, ratios of paired rounds with their spread, and growth."""

from __future__ import annotations

from statistics import median
from typing import NamedTuple, Sequence

import numpy as np


class Spread(NamedTuple):
    """The middle of some values and how far they reach."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Median, least and greatest."""
    return Spread(median(values), min(values), max(values))


def speed_ratios(peer: Sequence[float], ours: Sequence[float]) -> list[float]:
    """How many times as fast as the peer each round was; both are the seconds of the same rounds."""
    if len(peer) != len(ours):
        raise ValueError(f"{len(peer)} and {len(ours)} rounds cannot be paired")
    return [theirs / own for theirs, own in zip(peer, ours)]


def percentile(values: Sequence[float], percent: float) -> float:
    """Linear between the two nearest ranks; percent 0 is the least value and 100 the greatest."""
    ordered = sorted(values)
    rank = percent / 100 * (len(ordered) - 1)
    below = int(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (rank - below) * (ordered[above] - ordered[below])


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The e of cost = c * size^e that fits best: least squares of the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def quadratic_share(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The share of b * n^2 in the cost of the last size n, where cost = a * n + b * n^2 fits best, relatively."""
    n, cost = np.asarray(sizes, dtype=float), np.asarray(costs, dtype=float)
    parts = np.stack([n, n**2], axis=1) / cost[:, None]
    factors = np.linalg.lstsq(parts, np.ones(len(n)), rcond=None)[0]
    linear, quadratic = parts[-1] * factors
    return float(quadratic / (linear + quadratic))
