"""`fairseq-cmlm curves`."""

from __future__ import annotations

import argparse
from pathlib import Path

from fairseq_cmlm.commands.named_file import named_file


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("logs", nargs="+", type=named_file, metavar="NAME=LOG", help="a training's name, and its log")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="folder for curves.md and curves.png"
    )


def run(options: argparse.Namespace) -> str:
    """Write the table and the plot, and return the table."""
    from fairseq_cmlm.curves import curves

    return curves(options.logs, options.output)
