"""FairytaleQA as its publisher has it, files of stories and of questions, as lines: what `fairseq-cmlm format` reads.

python fairytales.py ARCHIVE OUTPUT    ARCHIVE is github.com/uci-soe/FairytaleQAData as a .zip, or unpacked in a folder;
                                       OUTPUT receives {train,valid,test}.tsv, a question a line
"""

from __future__ import annotations

import csv
import io
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Iterator, Union

Folder = Union[Path, zipfile.Path]
# The publisher's name of each split, and its questions.
SPLITS = {"train": ("train", 8548), "valid": ("val", 1025), "test": ("test", 1007)}
COLUMNS = ("story", "id", "attribute", "kind", "context", "question", "answer", "answers")
_ANSWERS = [f"answer{number}" for number in range(1, 7)]
# What a damaged or foreign archive or file raises.
_UNREADABLE = (OSError, ValueError, EOFError, csv.Error, zipfile.BadZipFile, zlib.error)
_OF_STORIES, _OF_QUESTIONS = "-story.csv", "-questions.csv"


def rows(file: Folder) -> list[dict[str, str]]:
    """Return the rows of a file, of one line each."""
    text = io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")
    return [{key: " ".join((row[key] or "").split()) for key in row if key} for row in csv.DictReader(text)]


def questions(stories: Folder, asked: Folder) -> Iterator[tuple[str, ...]]:
    """Yield the questions of a split, in the order of the names of the files; the context is the sections of each."""
    for file in sorted(asked.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(_OF_QUESTIONS):
            continue
        story = file.name.removesuffix(_OF_QUESTIONS)
        text = {row["section"]: row["text"] for row in rows(stories / f"{story}{_OF_STORIES}")}
        for number, row in enumerate(rows(file), 1):
            place = f"question {number} of {asked.name}/{file.name}"
            sections = row["cor_section"].replace(",", " ").split()
            if not sections or not text.keys() >= set(sections):
                raise ValueError(
                    f"{place} is about the sections '{row['cor_section']}', and there are {', '.join(text)}"
                )
            answers = [*dict.fromkeys(answer for answer in map(row.get, _ANSWERS) if answer)]
            if not answers:
                raise ValueError(f"{place} has no answer")
            context = " ".join(text[one] for one in sections)
            about = (row["question_id"], row["attribute1"], row["ex-or-im1"], context, row["question"])
            yield (story, *about, answers[0], " ||| ".join(answers))


def opened(name: str) -> Folder:
    """Return the folder with the splits, of an archive or a folder."""
    root: Folder = Path(name) if Path(name).is_dir() else zipfile.Path(name)
    for folder in (root, *root.iterdir()):
        if folder.is_dir() and (folder / "data-by-train-split").is_dir():
            return folder / "data-by-train-split"
    sys.exit(f"fairytales.py: {name} has no folder data-by-train-split: fetch it with download.sh")


def main(name: str, output: str) -> None:
    """Write all splits."""
    try:
        folder = opened(name)
    except _UNREADABLE as error:
        sys.exit(f"fairytales.py: {name} is no archive that can be read ({error}): fetch it with download.sh")
    Path(output).mkdir(parents=True, exist_ok=True)
    for split, (theirs, number) in SPLITS.items():
        try:
            found = [*questions(folder / "section-stories" / theirs, folder / "questions" / theirs)]
        except KeyError as error:
            sys.exit(f"fairytales.py: the {split} part of {name} has a file without the column {error}")
        except _UNREADABLE as error:
            sys.exit(f"fairytales.py: the {split} part of {name} cannot be read: {error}")
        if len(found) != number:
            sys.exit(f"fairytales.py: the {split} part of {name} has {len(found)} questions and should have {number}")
        lines = "".join("\t".join(row) + "\n" for row in (COLUMNS, *found))
        part = Path(output, f"{split}.tsv.part")
        part.write_text(lines, encoding="utf-8")
        part.replace(part.with_suffix(""))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: fairytales.py ARCHIVE OUTPUT")
    main(*sys.argv[1:])
