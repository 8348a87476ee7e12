"""WebNLG as its publisher has it, XML in an archive, as lines: what `fairseq-cmlm format data_to_text` reads.

python webnlg.py ARCHIVE FOLDER    FOLDER receives {train,valid}.triples and .text
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path
from typing import Iterator

# The publisher's folder of each split, as of the challenge of 2017, and its texts where their number is known.
SPLITS = {"train": ("/webnlg_challenge_2017/train/", 18102), "valid": ("/webnlg_challenge_2017/dev/", None)}


def pairs(archive: zipfile.ZipFile, folder: str) -> Iterator[tuple[str, str]]:
    """Yield the triples, as one line, and each text of them, in the order of the names of the files."""
    for name in sorted(name for name in archive.namelist() if folder in name and name.endswith(".xml")):
        for entry in ElementTree.fromstring(archive.read(name)).iter("entry"):
            triples = [_line(triple.text) for triple in entry.findall("modifiedtripleset/mtriple")]
            for text in entry.findall("lex"):
                yield " <T> ".join(triples), _line(text.text)


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def main(archive_name: str, output: str) -> None:
    """Write both splits."""
    try:
        archive = zipfile.ZipFile(archive_name)
    except (OSError, zipfile.BadZipFile) as error:
        sys.exit(f"webnlg.py: {archive_name} is no archive that can be read ({error}): fetch it with download.sh")
    with archive:
        for split, (folder, number) in SPLITS.items():
            found = [pair for pair in pairs(archive, folder) if all(pair)]
            if not found or number not in (None, len(found)):
                sys.exit(
                    f"webnlg.py: {archive_name} has {len(found)} texts in {folder} and should have {number or 'some'}"
                )
            for side, ending in enumerate(("triples", "text")):
                lines = "".join(f"{pair[side]}\n" for pair in found)
                Path(output, f"{split}.{ending}").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: webnlg.py ARCHIVE FOLDER")
    main(*sys.argv[1:])
