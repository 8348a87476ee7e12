"""The text of a filled template, with the given words as the user typed them.

A tokeniser need not give back what it was given: Moses makes `a _ n` of `a_n`, and a normaliser straightens quotes.
"""

from __future__ import annotations

from typing import Callable, Iterator, NamedTuple, Optional, Sequence

# The text of the tokens from one place of a target until before another one.
TextOf = Callable[[int, int], str]


class GivenWords(NamedTuple):
    """The given words of a target with blanks: before, between and after these, so one more than there are blanks.

    texts  each as it was typed, perhaps empty
    sizes  the number of tokens of each
    """

    texts: Sequence[str]
    sizes: Sequence[int]


class _Piece(NamedTuple):
    """A given text or a filling, and the place of its first token."""

    text: str
    begin: int


def filled_text(given: GivenWords, fillable: Sequence[bool], text_of: TextOf) -> str:
    """Return the text of a target of n tokens, in which the given words stand as they were typed.

    fillable  (n,) whether each token is in a blank, or is the `</s>` behind a last one

    The text of all tokens is taken if it holds the given words; else each filling's is put between them.

    >>> words = "use a _ n not here".split()
    >>> given = GivenWords(["use a_n ", " here"], [4, 1])
    >>> filled_text(given, [False] * 4 + [True, False], lambda begin, end: " ".join(words[begin:end]))
    'use a_n not here'
    """
    whole = text_of(0, len(fillable))
    return whole if holds(whole, given.texts) else _joined(_pieces(given, fillable, text_of), text_of)


def holds(text: str, given: Sequence[str]) -> bool:
    """Tell whether a text holds the given texts in their order, the first at its beginning and the last at its end.

    A mark that was typed beside a blank without a space must have none there.

    >>> holds("use a_n not here", ["use a_n ", " here"]), holds("use a _ n not here", ["use a_n ", " here"])
    (True, False)
    >>> holds("# one", ["#", ""]), holds("# one", ["# ", ""])
    (False, True)
    """
    places = _places(text, [part.strip() for part in given])
    return places is not None and all(_close(text, place, part) for place, part in zip(places, given))


def _places(text: str, given: Sequence[str]) -> Optional[list[int]]:
    """Return where the given texts, without spaces around them, begin in a text; None if it does not hold them."""
    first, *between = given
    if not between:
        return [0] if text == first else None
    *between, last = between
    if not (text.startswith(first) and text.endswith(last)):
        return None
    places, place, end = [0], len(first), len(text) - len(last)
    for part in between:
        found = text.find(part, place, max(end, 0))
        if found < 0:
            return None
        places.append(found)
        place = found + len(part)
    return [*places, end] if place <= end else None


def _close(text: str, place: int, part: str) -> bool:
    """Tell whether the given text at a place of a text has spaces beside its marks only where they were typed."""
    end = place + len(part.strip())
    edges = ((part[:1], text[:place][-1:]), (part[-1:], text[end : end + 1]))
    return all(mark.isspace() or mark.isalnum() or not beside.isspace() for mark, beside in edges if mark)


def _pieces(given: GivenWords, fillable: Sequence[bool], text_of: TextOf) -> Iterator[_Piece]:
    """Yield given texts and fillings in turn. Of adjacent blanks the first one has all tokens."""
    place = 0
    for text, size in zip(given.texts, given.sizes):
        yield _Piece(text, place)
        begin = place = place + size
        while place < len(fillable) and fillable[place]:
            place += 1
        yield _Piece(text_of(begin, place), begin)


def _joined(pieces: Iterator[_Piece], text_of: TextOf) -> str:
    """Join pieces with a space where one was typed or two words meet, but before a mark that joins the word before."""
    joined, typed = "", False
    for text, begin in pieces:
        typed = typed or text[:1].isspace()
        if bare := text.strip():
            apart = " " in text_of(max(begin - 1, 0), begin + 1).strip()
            # A mark alone, or 's, joins the word before; %s or $5 does not.
            word = bare[0].isalnum() or (bare[0] != "'" and any(map(str.isalnum, bare.split()[0])))
            spaced = (typed and (word or apart)) or (bare[0].isalnum() and apart and joined[-1:].isalnum())
            joined += f" {bare}" if joined and spaced else bare
            typed = False
        typed = typed or text[-1:].isspace()
    return joined
