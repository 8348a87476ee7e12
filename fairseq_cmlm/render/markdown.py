"""Tables as Markdown."""

from __future__ import annotations

from typing import Optional, Sequence


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the lines of the table, without a line feed at the end."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def numbers(values: Sequence[Optional[float]], digits: int) -> list[str]:
    """Return numbers with so many digits behind the point; what is not known is a dash.

    >>> numbers([2.0, None], 1)
    ['2.0', '-']
    """
    return ["-" if value is None else f"{value:.{digits}f}" for value in values]
