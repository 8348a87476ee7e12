"""Errors about texts that a command has read: they name the line of the file, where Python names the item of a list."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from fairseq_cmlm.errors import TextError

_ITEM = re.compile(r"(\w+)\[(\d+)\]")


@contextmanager
def naming_lines(**files: Path) -> Iterator[None]:
    """Name lines of `files`, name of a list -> the file that it was read from, in a TextError that is raised inside.

    >>> with naming_lines(texts=Path("valid.en")):
    ...     raise TextError("texts[4] has 5001 tokens")
    Traceback (most recent call last):
    fairseq_cmlm.errors.TextError: line 5 of valid.en has 5001 tokens
    """
    try:
        yield
    except TextError as error:

        def line(found: re.Match[str]) -> str:
            return f"line {int(found[2]) + 1} of {files[found[1]]}" if found[1] in files else found[0]

        raise TextError(_ITEM.sub(line, str(error))) from None
