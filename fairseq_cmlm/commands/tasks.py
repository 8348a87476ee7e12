"""`fairseq-cmlm tasks`: one table of all tasks."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "results",
        nargs="+",
        type=Path,
        metavar="RESULTS",
        help="what score --examples --json wrote, or its folder, whose name the row of the task gets",
    )


def run(options: argparse.Namespace) -> str:
    """Return the table."""
    from fairseq_cmlm.formats.tasks import tasks_table

    return tasks_table(options.results)
