"""`fairseq-cmlm average`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "checkpoints", nargs="+", type=Path, metavar="CHECKPOINT", help="a checkpoint or, with --best, a folder"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the checkpoint to write")
    parser.add_argument(
        "--best", type=int, metavar="N", help="only the N best by the training's --best-checkpoint-metric (or loss)"
    )


def run(options: argparse.Namespace) -> str:
    """Average the checkpoints, and return what was read and written."""
    from fairseq_cmlm.checkpoints.averaging import average

    return "\n".join(average(options.checkpoints, options.output, options.best))
