#!/usr/bin/env python
"""Hold documents of a training text out as a test set.

hold_out.py TEXT OUTPUT [DOCUMENTS]

TEXT has {train,valid}.{en,de,doc}, where a line of .doc names the document that the line belongs to. OUTPUT receives
the same and test.*: 150 documents of the training text, drawn with seed 1, or as many as are named. Help repeats menu
entries and stock phrases: valid and test lose the pairs that train has, so that what is measured was not learned.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

ENDINGS = ("en", "de", "doc")


def read(text: Path, split: str) -> list[tuple[str, ...]]:
    """Return the lines of a split, each as in all its files."""
    try:
        sides = [(text / f"{split}.{ending}").read_text("utf-8").removesuffix("\n").split("\n") for ending in ENDINGS]
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"hold_out.py: {text}/{split}.{{en,de,doc}} cannot be read: {error}")
    if len({len(side) for side in sides}) > 1:
        sys.exit(f"hold_out.py: {text}/{split}.{{en,de,doc}} differ in their number of lines")
    return list(zip(*sides))


def main(text: Path, output: Path, documents: int = 150) -> None:
    """Write train, test and valid, and tell how many pairs each has."""
    if output.resolve() == text.resolve():
        sys.exit(f"hold_out.py: {output} is the folder of the text, which would be lost: name another")
    rows, valid = read(text, "train"), read(text, "valid")
    names = sorted({name for *_, name in rows})
    random.Random(1).shuffle(names)
    test = set(names[:documents])
    parts = {"train": [row for row in rows if row[-1] not in test]}
    learned = {row[:2] for row in parts["train"]}
    output.mkdir(parents=True, exist_ok=True)
    for split, held in (("valid", valid), ("test", [row for row in rows if row[-1] in test])):
        parts[split] = [row for row in held if row[:2] not in learned]
        print(f"{split}: {len(parts[split])} pairs, without {len(held) - len(parts[split])} that train has")
    for split, kept in parts.items():
        for place, ending in enumerate(ENDINGS):
            (output / f"{split}.{ending}").write_text("".join(f"{row[place]}\n" for row in kept), "utf-8")


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4 or not all(number.isdecimal() for number in sys.argv[3:]):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
