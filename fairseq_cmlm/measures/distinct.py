"""Distinct-n: how varied a set of texts is (after Li et al., NAACL 2016).

Li et al. divide the number of different n-grams by the number of words; here it is divided by that of n-grams, so that
100 means that none occurs twice.
"""

from __future__ import annotations

from functools import partial
from typing import Sequence

from fairseq_cmlm.measures.measure import Gold, Scale
from fairseq_cmlm.measures.words import words


def distinct(texts: Sequence[str], order: int) -> float:
    """Return the number of different n-grams in the texts, in percent of all their n-grams.

    >>> distinct(["a b a", "a b"], 1), distinct(["a b a", "a b"], 2)
    (40.0, 66.66666666666667)
    """
    found = [gram for text in texts for gram in zip(*(words(text)[i:] for i in range(order)))]
    return 100 * len(set(found)) / len(found) if found else 0.0


def _ready(gold: Gold, order: int) -> Scale:
    return Scale(lambda output: distinct(output.texts, order), f"of all {order}-grams")


distinct_1 = partial(_ready, order=1)
distinct_2 = partial(_ready, order=2)
