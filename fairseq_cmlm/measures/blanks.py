"""Measures of filled blanks: are they right, and are the given words around them still there?"""

from __future__ import annotations

from itertools import chain
from typing import Optional, Sequence

from fairseq_cmlm.measures.bleu import Bleu
from fairseq_cmlm.measures.measure import Gold, Output, Scale
from fairseq_cmlm.measures.words import WORD


def fillings_of(text: str, given: Sequence[str], least: int = 1) -> Optional[list[str]]:
    """Return the fillings of the blanks between the given parts of a text, each the shortest that fits.

    Texts are compared by words and punctuation marks; spaces do not count. Return None if the given parts are not all
    there in their order, or if a blank has fewer than `least` of them.

    >>> fillings_of("A man (tall) runs.", ["A", "runs."]), fillings_of("A man walks.", ["A", "runs."])
    (['man ( tall )'], None)
    """
    tokens, parts = WORD.findall(text), [WORD.findall(part) for part in given]
    first, *middle, last = parts
    end = len(tokens) - len(last)
    if tokens[: len(first)] != first or tokens[max(end, 0) :] != last:
        return None
    found, begin = [], len(first)
    for part in middle:
        place = next((i for i in range(begin + least, end) if tokens[i : i + len(part)] == part), None)
        if place is None:
            return None
        found.append(" ".join(tokens[begin:place]))
        begin = place + len(part)
    return [*found, " ".join(tokens[begin:end])] if begin + least <= end else None


def _found(gold: Gold, made: Output) -> list[list[str]]:
    """Return the fillings of each text's blanks, empty where they cannot be found."""
    texts = zip(made.texts, gold.details or [])
    return [_filled(text, one["given"], one["missing"]) or [""] * len(one["missing"]) for text, one in texts]


def _right(gold: Gold) -> list[list[str]]:
    """Return the right fillings of each text's blanks."""
    return [[" ".join(WORD.findall(part)) for part in one["missing"]] for one in gold.details or []]


def _filled(text: str, given: Sequence[str], missing: Sequence[str]) -> Optional[list[str]]:
    """Return the fillings, the right ones where the text is the right one: a filling may hold the word after it too."""
    right = [WORD.findall(part) for part in missing]
    whole = [token for part, more in zip(given, [*missing, ""]) for token in WORD.findall(f"{part} {more}")]
    return [" ".join(tokens) for tokens in right] if WORD.findall(text) == whole else fillings_of(text, given)


def _known(gold: Gold) -> bool:
    return gold.details is not None and all("missing" in each for each in gold.details)


def kept(gold: Gold) -> Optional[Scale]:
    """Prepare the share of texts that keep all given words, in percent; a blank may be empty."""

    def each(made: Output) -> list[float]:
        texts = zip(made.texts, gold.details or [])
        return [fillings_of(text, one["given"], least=0) is not None for text, one in texts]

    return Scale.of_each(each, len(gold.details or [])) if _known(gold) else None


def blank_exact(gold: Gold) -> Optional[Scale]:
    """Prepare the share of blanks filled exactly as in the reference, in percent; case counts."""
    if not _known(gold):
        return None
    right = _right(gold)

    def each(made: Output) -> list[float]:
        return [sum(map(str.__eq__, *both)) for both in zip(_found(gold, made), right)]

    return Scale.of_each(each, sum(map(len, right)), "case:mixed")


def blank_bleu(gold: Gold) -> Optional[Scale]:
    """Prepare the BLEU of the fillings."""

    def score(made: Output) -> float:
        found, right = ([*chain.from_iterable(each)] for each in (_found(gold, made), _right(gold)))
        return Bleu([right], gold.tokenise, True, gold.language).score(found)

    return Scale(score, Bleu([["a"]], gold.tokenise, True, gold.language).signature) if _known(gold) else None
