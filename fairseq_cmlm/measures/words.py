"""The words of a text, for measures that no library has."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+|[^\w\s]")


def words(text: str) -> list[str]:
    """Return words and marks of punctuation, in small letters.

    >>> words("The 10L/28R.")
    ['the', '10l', '/', '28r', '.']
    """
    return _WORD.findall(text.casefold())
