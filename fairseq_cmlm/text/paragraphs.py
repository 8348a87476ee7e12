"""A document in one line: its paragraphs, with a mark between two of them."""

from __future__ import annotations

from typing import Iterable

# A word of its own for every tokenizer here, which survives normalisation and subwords.
PARAGRAPH = "¶"


def in_one_line(paragraphs: Iterable[str]) -> str:
    """Join paragraphs.

    >>> in_one_line(["a b", "c"])
    'a b ¶ c'
    """
    return f" {PARAGRAPH} ".join(paragraphs)


def paragraphs_of(text: str) -> list[str]:
    """Split a document in one line; a paragraph may be empty.

    >>> paragraphs_of("a b ¶ c ¶ ")
    ['a b', 'c', '']
    """
    return [part.strip() for part in text.split(PARAGRAPH)]
