"""Options for a model and the references that it is measured on, for two subcommands."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fairseq_cmlm.commands.model_options import add_model_options, translator_of

if TYPE_CHECKING:
    from fairseq_cmlm.translator import Translator


def add_model_and_references(parser: argparse.ArgumentParser) -> None:
    """Add the options of model and references."""
    add_model_options(parser)
    parser.add_argument("--source", type=Path, required=True, metavar="FILE", help="the text, a sentence a line")
    parser.add_argument("--target", type=Path, required=True, metavar="FILE", help="its translation, line by line")


def model_and_references(options: argparse.Namespace) -> tuple[Translator, list[str], list[str]]:
    """Return the model and the lines of both texts; raise a TextError if they are empty or not parallel."""
    from fairseq_cmlm.experiments.parallel_text import read_sides

    texts, targets = read_sides(options.source, options.target)
    return translator_of(options), texts, targets
