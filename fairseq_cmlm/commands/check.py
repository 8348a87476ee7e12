"""`fairseq-cmlm check`."""

from __future__ import annotations

import argparse
from pathlib import Path

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.text_check import check_texts


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "texts",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="raw text, a sentence a line; train.en and train.de must be parallel, files of other names all of them",
    )


def run(options: argparse.Namespace) -> str:
    """Return the report; print it and raise a TextError if lines would be split, shifted or lost."""
    report, broken = check_texts(options.texts)
    if not broken:
        return "\n".join(report)
    print("\n".join(report), flush=True)
    raise TextError("lines would be split, shifted or lost: mend the errors above before fairseq-preprocess")
