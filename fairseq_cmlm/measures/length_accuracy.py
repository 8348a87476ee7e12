"""Length accuracy: how often the reference's length is among the length candidates."""

from __future__ import annotations

from typing import Optional, Sequence

from fairseq_cmlm.measures.measure import Gold, Output, Scale


def gold_length_found(candidates: Sequence[Sequence[int]], gold: Sequence[int]) -> float:
    """Return the share of sentences whose `gold` length is among their `candidates`, in percent.

    The paper calls this LP (section 5.3).

    >>> gold_length_found([[5, 6], [7]], [6, 8])
    50.0
    """
    found = sum(length in lengths for lengths, length in zip(candidates, gold))
    return 100 * found / len(gold) if gold else 0.0


def length_accuracy(gold: Gold) -> Optional[Scale]:
    """Prepare the length accuracy."""
    lengths = gold.lengths
    if lengths is None:
        return None

    def score(output: Output) -> Optional[float]:
        return None if output.candidate_lengths is None else gold_length_found(output.candidate_lengths, lengths)

    return Scale(score)
