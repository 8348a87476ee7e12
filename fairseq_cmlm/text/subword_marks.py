"""The marks of subwords that say where a word ends (`@@` of subword-nmt) or begins (`▁` of sentencepiece)."""

from __future__ import annotations

import re
from typing import Sequence

CONTINUES, BEGINS = "@@", "▁"
_CONTINUED = re.compile(f"{CONTINUES}( |$)")


def word_borders(subwords: Sequence[str]) -> tuple[list[bool], list[bool]]:
    """Mark the subwords that begin a word, and those that end one.

    >>> word_borders(["a", "wo@@", "lf"])
    ([True, True, False], [True, False, True])
    >>> word_borders(["▁a", "▁wo", "lf"])
    ([True, True, False], [True, False, True])
    """
    if any(one.startswith(BEGINS) for one in subwords):
        begins = [one.startswith(BEGINS) for one in subwords]
        return begins, [*begins, True][1:]
    ends = [not one.endswith(CONTINUES) for one in subwords]
    return [True, *ends][:-1], ends


def join_subwords(tokens: Sequence[str]) -> str:
    """Join the subwords of subword-nmt or sentencepiece, recognised by their marks, into words.

    >>> join_subwords(["a", "wo@@", "lf"]), join_subwords(["▁a", "▁wo", "lf"])
    ('a wolf', 'a wolf')
    """
    if any(token.startswith(BEGINS) for token in tokens):
        return "".join(tokens).replace(BEGINS, " ").strip()
    return _CONTINUED.sub("", " ".join(tokens))


def joined(subwords: Sequence[str]) -> str:
    """Join subwords without their marks, and without white space.

    >>> joined(["wo@@", "lf"]), joined(["▁wo", "lf"])
    ('wolf', 'wolf')
    """
    return "".join(one.removesuffix(CONTINUES).removeprefix(BEGINS) for one in subwords)


def word_around(subwords: Sequence[str], place: int) -> str:
    """Return the word of which `subwords[place]` is a part.

    >>> word_around(["a", "wo@@", "lf"], 2), word_around(["▁a", "▁wo", "lf"], 1)
    ('wolf', 'wolf')
    """
    begins, ends = word_borders(subwords)
    first = max((i for i in range(place + 1) if begins[i]), default=0)
    last = next((i for i in range(place, len(subwords)) if ends[i]), len(subwords) - 1)
    return joined(subwords[first : last + 1])
