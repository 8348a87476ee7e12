"""Exact match and F1 of answers, as SQuAD has them (Rajpurkar et al. 2016, section 6.1)."""

from __future__ import annotations

import re
import string
from collections import Counter
from functools import partial
from typing import Callable, Sequence

from fairseq_cmlm.measures.measure import Gold, Output, Scale

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(text: str) -> list[str]:
    """Return the words of an answer in lower case, without ASCII punctuation and without articles.

    >>> normalised("The  king's horse!")
    ['kings', 'horse']
    """
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def exact_match(answer: str, gold: str) -> float:
    """Return 1 if answer and gold are equal after normalisation, else 0."""
    return float(normalised(answer) == normalised(gold))


def word_f1(answer: str, gold: str) -> float:
    """Return the F1 of the words of an answer against those of the gold answer, 0 to 1.

    An answer without words matches only a gold answer without words.

    >>> round(word_f1("a cat sat", "the cat"), 3)
    0.667
    """
    words, wanted = normalised(answer), normalised(gold)
    if not words or not wanted:
        return float(words == wanted)
    common = sum((Counter(words) & Counter(wanted)).values())
    return 2 * common / (len(words) + len(wanted))


def best_of(compare: Callable[[str, str], float], answer: str, golds: Sequence[str]) -> float:
    """Return the highest score of an answer against any of several right answers."""
    return max(compare(answer, gold) for gold in golds)


def _ready(gold: Gold, compare: Callable[[str, str], float]) -> Scale:
    """Prepare the mean of a comparison over all answers, in percent."""
    references = [[one for one in each if one is not None] for each in zip(*gold.references)]

    def each(output: Output) -> list[float]:
        return [*map(partial(best_of, compare), output.texts, references)]

    return Scale.of_each(each, len(references), "squad|refs:best")


exact_match_of_all = partial(_ready, compare=exact_match)
word_f1_of_all = partial(_ready, compare=word_f1)
