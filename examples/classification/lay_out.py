"""A publisher's files of labelled texts, laid out as `fairseq-cmlm format classification` reads them.

python lay_out.py FOLDER OUTPUT [--seed N] [--target LABEL=TEXT ...]

FOLDER holds train.tsv, dev.tsv and test.tsv, or some of them, each line a text and its label, perhaps after a line that
names the columns (sentence, label). With a labelled test.tsv, dev.tsv is for validation. Without, dev.tsv is the test,
and a tenth of train.tsv, drawn, for validation: so do the files of GLUE's SST-2 come, whose test.tsv has no labels. A
single file is split 8:1:1. Drawn parts share no text. OUTPUT receives {train,valid,test}.tsv, and labels.tsv with the
targets of labels.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from pathlib import Path
from typing import Collection, Iterator, Optional, Sequence

Rows = list[tuple[str, str]]
_COLUMNS = ("sentence", "label")


def lines_of(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each line, and its columns without spaces around them."""
    for number, line in enumerate(path.read_bytes().removesuffix(b"\n").split(b"\n"), 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            sys.exit(f"lay_out.py: line {number} of {path} is not UTF-8")
        yield number, [column.strip() for column in text.split("\t")]


def read(path: Path, labels: Collection[str]) -> Optional[Rows]:
    """Return texts and labels; None if the file is not there or has no labels.

    labels  those that there may be; none for any
    """
    if not path.is_file():
        return None
    rows = []
    for number, columns in lines_of(path):
        place, head = f"lay_out.py: line {number} of {path}", [name.lower() for name in columns]
        if number == 1 and head == ["index", "sentence"]:
            return None
        if number == 1 and head == [*_COLUMNS]:
            continue
        if len(columns) != len(_COLUMNS):
            sys.exit(f"{place} has {len(columns)} columns and should have 2: text and label")
        text, label = columns
        if not text or not label:
            sys.exit(f"{place} has no {'label' if text else 'text'}: leave the line out")
        if labels and label not in labels:
            sys.exit(f"{place} has the label '{label}', which is none of {', '.join(labels)}")
        rows.append((text, label))
    return rows


def drawn(rows: Rows, shares: Sequence[int], seed: int) -> list[Rows]:
    """Split rows by shares of ten; those of one text stay together, and none is there twice."""
    rows = list(dict.fromkeys(rows))
    texts = sorted({text for text, _ in rows})
    random.Random(seed).shuffle(texts)
    borders = [len(texts) * sum(shares[:i]) // 10 for i in range(len(shares) + 1)]
    part_of = {text: i for i in range(len(shares)) for text in texts[borders[i] : borders[i + 1]]}
    parts: list[Rows] = [[] for _ in shares]
    for row in rows:
        parts[part_of[row[0]]].append(row)
    return parts


def splits(folder: Path, seed: int, labels: Collection[str]) -> dict[str, Rows]:
    """Return train, valid and test; `labels` as in `read`."""
    there = {name: read(folder / f"{name}.tsv", labels) for name in ("train", "dev", "test")}
    found = {name: rows for name, rows in there.items() if rows is not None}
    if empty := [name for name, rows in found.items() if not rows]:
        sys.exit(f"lay_out.py: {folder / empty[0]}.tsv has no row: remove it")
    if len(found) == 3:
        return {"train": found["train"], "valid": found["dev"], "test": found["test"]}
    if set(found) == {"train", "dev"}:
        train, valid = drawn(found["train"], (9, 1), seed)
        return {"train": train, "valid": valid, "test": found["dev"]}
    if len(found) == 1:
        return dict(zip(("train", "valid", "test"), drawn(*found.values(), (8, 1, 1), seed)))
    sys.exit(f"lay_out.py: {folder} should hold train.tsv, dev.tsv and test.tsv with labels, the first two, or one")


def main() -> None:
    """Write OUTPUT, whole or not at all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", action="append", default=[], metavar="LABEL=TEXT")
    options = parser.parse_args()
    if options.output.exists():
        sys.exit(f"lay_out.py: {options.output} is there already: remove it, or name another folder")
    targets = [one.partition("=")[::2] for one in options.target]
    parts = splits(options.folder, options.seed, [label for label, _ in targets])
    files = {f"{split}.tsv": [_COLUMNS, *rows] for split, rows in parts.items()}
    if targets:
        files["labels.tsv"] = [("label", "target"), *targets]
    part = options.output.with_name(f"{options.output.name}.{os.getpid()}")
    part.mkdir(parents=True)
    for name, rows in files.items():
        (part / name).write_text("".join(f"{text}\t{label}\n" for text, label in rows), "utf-8")
        print(f"{name}: {len(rows) - 1} rows")
    os.replace(part, options.output)


if __name__ == "__main__":
    main()
