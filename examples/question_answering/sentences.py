#!/usr/bin/env python
"""Split texts into sentences, for a model that is to write each whole.

sentences.py < TEXTS > SENTENCES

A line of the input holds texts with tabs between them, stories and questions; a line of the output a sentence of 4 to
60 words, each once.
"""

from __future__ import annotations

import re
import sys

WORDS = range(4, 61)
# The next one begins with a capital, perhaps behind a quotation mark.
SENTENCE = re.compile(r"\S.*?(?:[.!?][\"'”’]?(?=\s+[\"'“‘]?[^\W\d_a-z])|$)")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text.

    >>> sentences('He said, "Go!" She went. the end')
    ['He said, "Go!"', 'She went. the end']
    """
    return SENTENCE.findall(text.strip())


if __name__ == "__main__":
    seen: dict[str, None] = {}
    for line in sys.stdin:
        for text in line.rstrip("\n").split("\t"):
            seen.update(dict.fromkeys(one for one in sentences(text) if len(one.split()) in WORDS))
    print(*seen, sep="\n")
