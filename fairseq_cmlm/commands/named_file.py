"""NAME=FILE, as the subcommands that compare several files take it."""

from __future__ import annotations

import argparse
from pathlib import Path


def named_file(text: str) -> tuple[str, Path]:
    """Split NAME=FILE, for argparse.

    >>> named_file("raw=checkpoints/raw.pt")
    ('raw', PosixPath('checkpoints/raw.pt'))
    """
    name, equals, file = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=FILE")
    return name, Path(file)
