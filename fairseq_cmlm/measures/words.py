"""The words of a text, for measures that are in no library."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+|[^\w\s]")


def words(text: str) -> list[str]:
    """Split a text into words and punctuation marks, in lower case.

    >>> words("The 10L/28R.")
    ['the', '10l', '/', '28r', '.']
    """
    return _WORD.findall(text.casefold())
