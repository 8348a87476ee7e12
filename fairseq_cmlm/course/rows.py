"""Rows of a report's table."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

Row = Mapping[str, Any]


def pick(rows: Sequence[Row], **wanted: object) -> Row:
    """Return the first row with the `wanted` entries, compared as text; a KeyError says that there is none.

    >>> pick([{"T": 4, "BLEU": 30.0}, {"T": 10, "BLEU": 31.0}], T="10")["BLEU"]
    31.0
    """
    for row in rows:
        if all(str(row.get(name)) == str(value) for name, value in wanted.items()):
            return row
    raise KeyError(f"a row with {', '.join(f'{name} {value}' for name, value in wanted.items())}")


def beam_search(rows: Sequence[Row]) -> Row:
    """Return the row of the autoregressive model with beam 5."""
    return pick(rows, **{"system": "autoregressive", "l or beam": 5})


def masked(rows: Sequence[Row], **wanted: object) -> list[Row]:
    """Return the rows of masked decodings with the `wanted` entries."""
    return [
        row
        for row in rows
        if not row["system"].startswith(("autoregressive", "paper"))
        and all(str(row.get(name)) == str(value) for name, value in wanted.items())
    ]
