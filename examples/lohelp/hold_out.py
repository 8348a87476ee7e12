#!/usr/bin/env python
"""Hold documents of a training text out as a test set.

hold_out.py TEXT OUTPUT [DOCUMENTS]

TEXT has {train,valid}.{en,de,doc}, where a line of .doc names the document that the line belongs to. OUTPUT receives
the same and test.*: 150 documents of the training text, drawn with seed 1, or as many as are named.
"""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

ENDINGS = ("en", "de", "doc")


def main(text: Path, output: Path, documents: int = 150) -> None:
    """Write train and test of the training text, and copy valid."""
    lines = {ending: (text / f"train.{ending}").read_text("utf-8").removesuffix("\n").split("\n") for ending in ENDINGS}
    if len({len(side) for side in lines.values()}) > 1:
        sys.exit(f"hold_out.py: {text}/train.{{en,de,doc}} differ in their number of lines")
    names = sorted(set(lines["doc"]))
    random.Random(1).shuffle(names)
    test = set(names[:documents])
    output.mkdir(parents=True, exist_ok=True)
    for ending in ENDINGS:
        for split, held in (("train", False), ("test", True)):
            kept = [line for line, name in zip(lines[ending], lines["doc"]) if (name in test) == held]
            (output / f"{split}.{ending}").write_text("".join(f"{line}\n" for line in kept), "utf-8")
        shutil.copy(text / f"valid.{ending}", output)


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
