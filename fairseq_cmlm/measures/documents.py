"""Documents of many paragraphs: BLEU and chrF of each as one text, and whether its terms are translated alike."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Callable, Optional, Sequence

from fairseq_cmlm.measures.bleu import bleu
from fairseq_cmlm.measures.chrf import chrf
from fairseq_cmlm.measures.measure import Gold, Scale
from fairseq_cmlm.measures.words import words
from fairseq_cmlm.text.paragraphs import in_one_line, paragraphs_of

_LETTERS = 4  # of a term at least


def _whole(measure: Callable[[Gold], Scale]) -> Callable[[Gold], Scale]:
    """Return a measure that reads a document as one text, without the marks between its paragraphs."""

    def scale(gold: Gold) -> Scale:
        references = [[text and without_marks(text) for text in each] for each in gold.references]
        found = measure(replace(gold, references=references))
        return Scale(
            lambda output: found.score(replace(output, texts=list(map(without_marks, output.texts)))), found.signature
        )

    return scale


def without_marks(text: str) -> str:
    """Return a document without its marks.

    >>> without_marks("a b. ¶ c ¶ ¶ d")
    'a b. c d'
    """
    return " ".join(filter(None, paragraphs_of(text)))


document_bleu, document_chrf = _whole(bleu), _whole(chrf)


def _places(paragraphs: Sequence[str]) -> dict[str, frozenset[int]]:
    """Return word -> the numbers of the paragraphs that have it."""
    found: dict[str, set[int]] = defaultdict(set)
    for number, paragraph in enumerate(paragraphs):
        for word in words(paragraph):
            found[word].add(number)
    return {word: frozenset(places) for word, places in found.items()}


def terms_alike(source: str, text: str) -> set[str]:
    """Return the words of a document that its translation has translated alike.

    A word of four letters or more that recurs in another paragraph is, if some word of the translation stands in
    exactly those paragraphs that have it.

    >>> sorted(terms_alike("open cell ¶ a cell ¶ open menu", "Zelle auf ¶ eine Zelle ¶ Menü offen"))
    ['cell']
    """
    theirs = set(_places(paragraphs_of(text)).values())
    recurring = {word: places for word, places in _places(paragraphs_of(source)).items() if len(places) > 1}
    return {word for word, places in recurring.items() if len(word) >= _LETTERS and word.isalpha() and places in theirs}


def _displaced(document: str) -> str:
    first, *others = paragraphs_of(document)
    return in_one_line([*others, first])


def terms(gold: Gold) -> Optional[Scale]:
    """Make the consistency of terms ready: how many an output translates alike, of those that the reference does.

    An output may do so by another word than the reference. The signature tells what chance gives: the same share for
    the reference with its paragraphs in another place, each where the next one was. None where no term recurs.
    """
    sources, references = gold.sources or [], [text or "" for text in gold.references[0]]
    wanted = [terms_alike(source, text) for source, text in zip(sources, references)]
    number = sum(map(len, wanted))

    def share(texts: Sequence[str]) -> float:
        found = (len(one & terms_alike(source, text)) for one, source, text in zip(wanted, sources, texts))
        return 100 * sum(found) / number

    if not number:
        return None
    chance = share(list(map(_displaced, references)))
    signature = f"terms:{number}|letters:{_LETTERS}+|alike:same paragraphs|chance:{chance:.1f}"
    return Scale(lambda output: share(output.texts), signature)
