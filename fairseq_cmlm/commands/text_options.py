"""How text is prepared for a model: options of several subcommands."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_text_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that matter for a model without a text pipeline of its own."""
    parser.add_argument(
        "--text-pipeline",
        metavar="FILE",
        help="how raw text is prepared: a text.json, for a model without a text pipeline; none: do without the model's",
    )
    parser.add_argument("--tokenizer", metavar="NAME", help="without a pipeline: moses, if the texts are raw")
    parser.add_argument(
        "--bpe-codes", type=Path, metavar="FILE", help="without a pipeline: if the texts are not split into subwords"
    )
