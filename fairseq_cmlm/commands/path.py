"""`fairseq-cmlm path`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no options."""


def run(options: argparse.Namespace) -> str:
    """Return the folder of the package, which is what fairseq's --user-dir takes."""
    return str(Path(__file__).resolve().parents[1])
