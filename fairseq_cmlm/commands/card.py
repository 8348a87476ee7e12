"""`fairseq-cmlm card`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("checkpoint", type=Path, help="the model, of fairseq-train or fairseq-cmlm average")
    parser.add_argument("--scores", type=Path, metavar="FILE", help="a table that fairseq-cmlm score printed")
    parser.add_argument(
        "--rows", metavar="NAME", help="keep the rows of the table that are named NAME or begin with `NAME,`"
    )
    parser.add_argument("--training-data", metavar="TEXT", help="what the model was trained on: name, size, source")
    parser.add_argument("--data-licence", metavar="TEXT", help="the licence of that data, as its publisher states it")


def run(options: argparse.Namespace) -> str:
    """Return the card."""
    from fairseq_cmlm.checkpoints.card import checkpoint_card
    from fairseq_cmlm.errors import OptionError
    from fairseq_cmlm.files import read_lines
    from fairseq_cmlm.render.card import Told, scores_of

    if options.rows and not options.scores:
        raise OptionError(f"--rows {options.rows} chooses rows of a table: give the table by --scores")
    scores = scores_of("\n".join(read_lines(options.scores)), options.rows) if options.scores else None
    if options.scores and scores is None:
        named = f" named {options.rows}" if options.rows else ""
        raise OptionError(f"--scores {options.scores} has no row{named}: give what fairseq-cmlm score printed")
    told = Told(scores, options.training_data, options.data_licence)
    return checkpoint_card(options.checkpoint, told).rstrip("\n")
