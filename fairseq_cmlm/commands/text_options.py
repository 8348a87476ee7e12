"""Options for the preparation of a model's text, of several subcommands."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_text_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for a model without a text pipeline of its own."""
    parser.add_argument(
        "--text-pipeline",
        metavar="FILE",
        help="a text.json, for a model without a text pipeline of its own; none: ignore the model's pipeline",
    )
    parser.add_argument(
        "--tokenizer", metavar="NAME", help="for a model without a pipeline: moses, if the texts are raw"
    )
    parser.add_argument(
        "--bpe-codes",
        type=Path,
        metavar="FILE",
        help="for a model without a pipeline: codes, if the texts are whole words",
    )
