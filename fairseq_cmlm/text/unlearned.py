"""Warnings of texts that a model has not learned to read or write."""

from __future__ import annotations

from typing import Collection, Sequence

from fairseq_cmlm.text.subword_marks import word_around


def of_unknown(subwords: Sequence[str], places: Collection[int]) -> str:
    """Return the warning of `subwords` of which those at `places` are no symbols of the dictionary.

    >>> of_unknown(["a", "do@@", "q"], [2])[:50]
    "the model's dictionary lacks a part of 'doq', so t"
    """
    read = " ".join("<unk>" if i in places else subword for i, subword in enumerate(subwords))
    return (
        f"the model's dictionary lacks a part of '{word_around(subwords, min(places))}', so that it reads '{read}' and "
        "may translate it wrongly (said once)"
    )


def of_length(side: str, size: int, most: int) -> str:
    """Return the warning of a `side`, source or target, of more tokens than a hundred of the training have.

    >>> of_length("source", 50, 40)[:60]
    'a source of 50 tokens is longer than those of the training, '
    """
    return (
        f"a {side} of {size} tokens is longer than those of the training, of which few have more than {most}: what "
        "stands beyond is likely to be wrong. Split it (docs/APPLICATIONS.md: documents)"
    )
