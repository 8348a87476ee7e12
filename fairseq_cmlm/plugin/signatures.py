"""Signatures in front of what fairseq's commands print."""

from __future__ import annotations

import sys
from pathlib import Path


def show(head: str, signature: str) -> bool:
    """Print a signature in front of what fairseq-generate and fairseq-interactive print, for `fairseq-cmlm score`.

    Return whether one of them runs.
    """
    shown = Path(sys.argv[0]).name in ("fairseq-generate", "fairseq-interactive")
    if shown:
        print(f"{head}{signature}", flush=True)
    return shown
