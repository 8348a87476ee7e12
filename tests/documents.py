"""The documents of the repository, and the commands in their blocks."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def name(path: Path) -> str:
    """The name of a document, from the root."""
    return str(path.relative_to(ROOT))


def command_lines(text: str, program: str) -> list[str]:
    """The lines of a document's blocks that begin with a program, a regular expression; broken lines are whole."""
    return re.findall(rf"^    ({program} .*)$", re.sub(r" *\\\n\s+", " ", text), re.M)
