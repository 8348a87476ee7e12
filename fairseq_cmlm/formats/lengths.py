"""Groups of examples by the length of a text in them."""

from __future__ import annotations

from typing import Sequence


def length_group(text: str, edges: Sequence[int]) -> str:
    """Return the group of a text by its words: from 1 or from an edge to below the next edge.

    >>> length_group("a b c", [3, 10]), length_group("", [3, 10]), length_group("a " * 12, [3, 10])
    ('3-9 words', '0-2 words', '10+ words')
    """
    words = len(text.split())
    low = max((edge for edge in edges if edge <= words), default=0)
    high = min((edge for edge in edges if edge > words), default=None)
    return f"{low}+ words" if high is None else f"{low}-{high - 1} words"
