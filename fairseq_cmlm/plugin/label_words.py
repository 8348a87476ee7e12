"""Labels as targets of a model: words that all labels share, and words of a label's own."""

from __future__ import annotations

from collections import Counter
from itertools import takewhile
from typing import Any, Callable, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.inference.labels import LabelledTarget


def labelled_targets(
    labels: Sequence[str], encode: Callable[[str], str], dictionary: Any, longest: int
) -> list[LabelledTarget]:
    """Return the targets of labels; raise a TextError if two are equal, or if the model cannot write one.

    Words with which all labels begin or end are given to the model like a template's: `It was good .`, `It was bad .`

    encode   function from a target to its subwords
    longest  most tokens that the model writes, `</s>` included
    """
    if isinstance(labels, str) or len(labels) < 2:
        raise TextError("labels must be a list of two strings or more")
    rows = [_ids(label, encode, dictionary, longest) for label in labels]
    for row, number in Counter(map(tuple, rows)).items():
        if number > 1:
            same = [label for label, other in zip(labels, rows) if tuple(other) == row]
            raise TextError(f"the labels {' and '.join(map(repr, same))} are the same to the model: rename one")
    shortest = min(map(len, rows)) - 1  # without </s>
    before = min(_alike(rows), shortest - 1)
    after = min(_alike([row[-2::-1] for row in rows]), shortest - before - 1)
    return [LabelledTarget([*row], range(before, len(row) - 1 - after)) for row in rows]


def _alike(rows: Sequence[Sequence[int]]) -> int:
    """Count the tokens with which all rows begin."""
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*rows)))


def _ids(label: str, encode: Callable[[str], str], dictionary: Any, longest: int) -> list[int]:
    subwords = encode(label).split()
    unknown = [one for one in subwords if dictionary.index(one) == dictionary.unk()]
    if not subwords or unknown:
        raise TextError(
            f"the label '{label}' "
            + (f"has '{unknown[0]}', which the model's dictionary lacks" if unknown else "has no word")
            + ": name it otherwise"
        )
    if len(subwords) >= longest:
        raise TextError(
            f"the label '{label}' has {len(subwords)} tokens, and the model writes {longest - 1}: shorten it"
        )
    return [*map(dictionary.index, subwords), dictionary.eos()]
