"""How often the length candidates hold the reference's length."""

from __future__ import annotations

from typing import Sequence


def length_accuracy(candidates: Sequence[Sequence[int]], gold: Sequence[int]) -> float:
    """The sentences whose `gold` length is among their `candidates`, in percent (the LP of the paper's section 5.3)."""
    found = sum(length in lengths for lengths, length in zip(candidates, gold))
    return 100 * found / len(gold) if gold else 0.0
