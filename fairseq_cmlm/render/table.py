"""A table, and plots of its columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Mapping, Sequence, Union

from fairseq_cmlm.render.markdown import markdown_table

Entry = Union[str, int, float, None]
Row = dict[str, Entry]


@dataclass(frozen=True)
class Panel:
    """A plot: name of a series -> its points (x, y). Those of the paper begin with "paper".

    title  above it, where a table has several
    log    whether x grows by factors
    """

    x: str
    y: str
    series: dict[str, list[tuple[Union[str, float], float]]]
    title: str = ""
    log: bool = False


@dataclass(frozen=True)
class Table:
    """Rows with the same columns. Empty columns are left out, such as the paper's for other languages.

    details  further values of each row, for its JSON
    """

    title: str
    rows: list[Row]
    legend: str
    panels: list[Panel] = field(default_factory=list)
    details: Sequence[Mapping[str, Any]] = ()

    @property
    def columns(self) -> list[str]:
        """Return the names of the columns that are not empty."""
        return [name for name in self.rows[0] if any(row[name] is not None for row in self.rows)]

    @property
    def records(self) -> list[dict[str, Any]]:
        """Return the rows with their details, for JSON."""
        nothing: Mapping[str, Any] = {}
        return [{**row, **more} for row, more in zip_longest(self.rows, self.details, fillvalue=nothing)]

    def markdown(self) -> str:
        """Return the rows as Markdown."""
        return markdown_table(self.columns, [[_shown(row[name]) for name in self.columns] for row in self.rows])


def panel_of(rows: Sequence[Row], x: str, y: str, columns: dict[str, str]) -> Panel:
    """Plot some `columns`, name of the series -> column, against the column `x`, leaving gaps out."""
    series: dict[str, list[tuple[Union[str, float], float]]] = {}
    for name, column in columns.items():
        points = ((row[x], row[column]) for row in rows)
        series[name] = [(a, b) for a, b in points if a is not None and isinstance(b, (int, float))]
    return Panel(x, y, series)


def _shown(entry: Entry) -> str:
    if entry is None:
        return "-"
    return f"{entry:.2f}" if isinstance(entry, float) else str(entry)
