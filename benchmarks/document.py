"""The documents of the benchmarks: a table with its facts, as Markdown and JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

from benchmarks.memory import Peak
from fairseq_cmlm.experiments.timing import Spread
from fairseq_cmlm.files import write_text
from fairseq_cmlm.render.document import document, section
from fairseq_cmlm.render.plots import MISSING, draw, figure_class
from fairseq_cmlm.render.table import Panel, Row, Table


def write_table(
    prefix: Path,
    title: str,
    legend: str,
    rows: Sequence[tuple[Row, Mapping[str, Any]]],
    facts: Mapping[str, Any],
    others: Sequence[Table] = (),
    **more: Any,
) -> str:
    """Write PREFIX.md, and PREFIX.json with the facts, the details of the rows and `more`; return the Markdown.

    others  tables that follow; in the JSON each is a list under its title
    """
    table = Table(title, [row for row, _ in rows], legend, details=[details for _, details in rows])
    text = document(table.title, facts, *map(section, (table, *others)))
    write_text(Path(f"{prefix}.md"), text)
    tables = {"rows": table.records, **{one.title.lower(): one.records for one in others}}
    write_text(Path(f"{prefix}.json"), json.dumps({**facts, **more, **tables}, indent=1))
    return text


def write_plot(prefix: Path, title: str, panels: list[Panel]) -> None:
    """Write PREFIX.png, or say why there is none."""
    figure = figure_class()
    if figure is None:
        print(MISSING, file=sys.stderr)
        return
    draw(Table(title, [], "", panels), Path(f"{prefix}.png"), figure)


def ratio_cell(ratio: Optional[Spread]) -> str:
    """Show median (least-greatest)."""
    return "-" if ratio is None else f"{ratio.median:.2f} ({ratio.low:.2f}-{ratio.high:.2f})"


def memory_cell(peak: Optional[Peak]) -> str:
    """Show the MB of model and work."""
    return "-" if peak is None else f"{peak.work:.0f}"


def fields(value: Optional[Any]) -> Optional[dict[str, float]]:
    """Return a named tuple for JSON."""
    return None if value is None else value._asdict()
