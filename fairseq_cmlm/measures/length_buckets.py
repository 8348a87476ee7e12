"""Sentences grouped by the length of the reference (paper, section 5.2)."""

from __future__ import annotations

from typing import Optional, Sequence

# Least and greatest length, in tokens without `</s>`; the last bucket is open.
BUCKETS: tuple[tuple[int, Optional[int]], ...] = ((1, 9), (10, 19), (20, 29), (30, 39), (40, None))
BUCKET_NAMES = tuple(f"{low}+" if high is None else f"{low}-{high}" for low, high in BUCKETS)


def bucket_of(length: int) -> str:
    """Return the name of the bucket of a length; lengths below 1 are in the first.

    >>> bucket_of(9), bucket_of(75)
    ('1-9', '40+')
    """
    return next(name for name, (_, high) in zip(BUCKET_NAMES, BUCKETS) if high is None or length <= high)


def in_buckets(lengths: Sequence[int]) -> list[list[int]]:
    """Return the sentence numbers in each of BUCKETS; `lengths` count tokens without `</s>`, and 0 is in no bucket."""
    return [
        [i for i, length in enumerate(lengths) if low <= length and (high is None or length <= high)]
        for low, high in BUCKETS
    ]
