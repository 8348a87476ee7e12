"""What is computed from measured times: percentiles, and ratios of paired rounds with their spread."""

from __future__ import annotations

from statistics import median
from typing import NamedTuple, Sequence


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
