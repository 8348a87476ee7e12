"""`fairseq-cmlm course`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "results", type=Path, metavar="RESULTS", help="a folder of results, as examples/course fills it"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="pages and figures")


def run(options: argparse.Namespace) -> str:
    """Write the pages, and say what lacks."""
    from fairseq_cmlm.course.build import course

    return course(options.results, options.output)
