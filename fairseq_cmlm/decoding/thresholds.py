"""Thresholds of probability and entropy, corrected for label smoothing.

A network that was trained with smoothing e gives a word of which it is certain 1 - e + e / V, not 1, and every other
word e / V.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Optional

from fairseq_cmlm.decoding.stopping import (
    StoppingRule,
    below_threshold,
    while_changing,
    while_changing_or_unsure,
    within_entropy,
)

if TYPE_CHECKING:
    from fairseq_cmlm.decoding.options import Decoding


def smoothed_probability(probability: float, smoothing: float, words: int) -> float:
    """Return `probability` after label smoothing over `words` words: (1 - e) p + e / V.

    >>> round(smoothed_probability(1.0, 0.1, 100), 4)
    0.901
    """
    return (1 - smoothing) * probability + smoothing / words


def smoothed_certainty(smoothing: float, words: int) -> float:
    """Return the entropy, in nats, of a prediction that is certain but for label smoothing.

    >>> round(smoothed_certainty(0.1, 4112), 2), smoothed_certainty(0.0, 4112)
    (1.16, 0.0)
    """
    if smoothing == 0:
        return 0.0
    best, other = smoothed_probability(1.0, smoothing, words), smoothing / words
    return -best * math.log(best) - (words - 1) * other * math.log(other)


def stopping_rules(decoding: Decoding, words: int) -> list[StoppingRule]:
    """Return the stopping rules of a decoding, for a vocabulary of `words` words.

    >>> from fairseq_cmlm.decoding.options import Decoding
    >>> [rule.reason for rule in stopping_rules(Decoding.of(stop_unchanged=2, confidence_threshold=0.7), 100)]
    ['unchanged', 'sure']
    """
    smoothing = decoding.desmooth or 0.0
    # Entropies are corrected for what the checkpoint tells, too: without that a certain token would have 1.16 nats.
    floor = smoothed_certainty(decoding.trained_smoothing or 0.0 if decoding.desmooth is None else smoothing, words)
    patience, found = decoding.stop_unchanged, list[StoppingRule]()
    if patience is not None and decoding.stop_entropy is not None:
        found.append(while_changing_or_unsure(patience, decoding.stop_entropy, floor))
    elif patience is not None:
        found.append(while_changing(patience))
    if decoding.confidence_threshold is not None:
        found.append(below_threshold(smoothed_probability(decoding.confidence_threshold, smoothing, words)))
    if decoding.entropy_bound is not None:
        found.append(within_entropy(decoding.entropy_bound, floor))
    return found


def rewrite_above(decoding: Decoding, words: int) -> Optional[float]:
    """Return the log-probability above which a token replaces a present one; None for any.

    >>> from fairseq_cmlm.decoding.options import Decoding
    >>> rewrite_above(Decoding.of(strategy="edit", edit_threshold=0.0), 100)
    -inf
    """
    if decoding.edit_threshold is None:
        return None
    threshold = smoothed_probability(decoding.edit_threshold, decoding.desmooth or 0.0, words)
    return math.log(threshold) if threshold else -math.inf
