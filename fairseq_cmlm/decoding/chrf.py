"""chrF of candidates against each other, with sacreBLEU's defaults: n-grams of 1 to 6 characters, recall counts double.

sacreBLEU itself would count the n-grams of each of K texts 2 K times.
"""

from __future__ import annotations

from collections import Counter
from typing import Sequence

_ORDER = 6
_RECALL = 2**2  # square of the weight of recall

NGrams = list["Counter[str]"]


def agreement(texts: Sequence[str]) -> list[float]:
    """Return the mean chrF, 0 to 1, of each of `texts` against all of them, itself included.

    >>> [round(score, 3) for score in agreement(["a dog", "a dog", "the cat"])]
    [0.682, 0.682, 0.371]
    """
    counted = [_ngrams(text) for text in texts]
    return [sum(_chrf(one, other) for other in counted) / len(texts) for one in counted]


def sentence_chrf(text: str, reference: str) -> float:
    """Return the chrF, 0 to 1, of a text against a reference.

    >>> sentence_chrf("a dog", "adog")
    1.0
    """
    return _chrf(_ngrams(text), _ngrams(reference))


def _ngrams(text: str) -> NGrams:
    """Count the n-grams for each n, ignoring white space."""
    letters = "".join(text.split())
    return [Counter(letters[i : i + n] for i in range(len(letters) - n + 1)) for n in range(1, _ORDER + 1)]


def _chrf(text: NGrams, reference: NGrams) -> float:
    """Return the F-score of mean precision and mean recall over all n for which both texts are long enough."""
    if text == reference:
        return 1.0
    precision, recall, orders = 0.0, 0.0, 0
    for ours, theirs in zip(text, reference):
        if ours and theirs:
            found = sum((ours & theirs).values())
            precision, recall = precision + found / sum(ours.values()), recall + found / sum(theirs.values())
            orders += 1
    if not precision + recall:
        return 0.0
    return (1 + _RECALL) * precision * recall / (_RECALL * precision + recall) / orders
