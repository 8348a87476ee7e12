"""Signatures printed before the output of fairseq's commands."""

from __future__ import annotations

import sys
from pathlib import Path


def show(head: str, signature: str) -> bool:
    """Print a signature before the output of fairseq-generate and fairseq-interactive, for `fairseq-cmlm score`.

    Return whether one of these commands is running.
    """
    shown = Path(sys.argv[0]).name in ("fairseq-generate", "fairseq-interactive")
    if shown:
        print(f"{head}{signature}", flush=True)
    return shown
