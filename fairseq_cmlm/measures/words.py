"""The words of a text, for measures that are in no library."""

from __future__ import annotations

import html
import re
import unicodedata

WORD = re.compile(r"\w+|[^\w\s]")


def letters(text: str) -> str:
    """Return what tokenisation, subwords and normalisation leave of a text: its letters and digits.

    >>> letters("Der Caf\u00e9-be@@ such &quot; 7 .")
    'dercafebesuch7'
    """
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", html.unescape(text)))).casefold()


def words(text: str) -> list[str]:
    """Split a text into words and punctuation marks, in lower case.

    >>> words("The 10L/28R.")
    ['the', '10l', '/', '28r', '.']
    """
    return WORD.findall(text.casefold())
