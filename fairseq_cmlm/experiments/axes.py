"""A case in a table, as the first entries of a row, and in a plot, as a point."""

from __future__ import annotations

from typing import Any, Iterable, Sequence, Union

from fairseq_cmlm.experiments.case import Case, label
from fairseq_cmlm.render.table import Entry, Panel, Row

Point = tuple[str, Entry, Entry]  # name of the curve, x, y


def described(case: Case, names: Sequence[str]) -> Row:
    """Return the entries of a row that describe a case: system, T, l or beam, and the fields in `names`."""
    size = getattr(case.decoding, "length_beam" if case.masked else "beam")
    row: Row = {"system": case.system, "T": case.value("iterations"), "l or beam": size}
    return {**row, **others(case, names)}


def others(case: Case, names: Sequence[str]) -> Row:
    """Return the entries of the fields in `names` that have no column of their own in every table."""
    return {
        name.replace("_", " "): case.value(name) if case.masked else None
        for name in names
        if name not in ("system", "iterations", "length_beam", "gold_target_length")
    }


def signed(cases: Iterable[Case]) -> list[dict[str, Any]]:
    """Return for each row the signature of its case's decoding, for the JSON of a report."""
    return [{"decoding": case.decoding.signature()} for case in cases]


def panel(x: str, y: str, ours: Iterable[Point], theirs: Iterable[Point] = ()) -> Panel:
    """Return a plot of our points and the paper's; one without a number is left out, a curve never."""
    series: dict[str, list[tuple[Union[str, float], float]]] = {}
    for name, a, b in (*ours, *theirs):
        curve = series.setdefault(name, [])
        if a is not None and isinstance(b, (int, float)):
            curve.append((a, b))
    return Panel(x, y, series)


def plots(rows: Sequence[tuple[Case, Row]], x: str, ys: Sequence[str], apart: Sequence[str]) -> list[Panel]:
    """Return a plot of each column of `ys`: a curve for all cases alike in the fields `apart`, and the paper's."""
    return [
        panel(
            *(x, y, [(label(case, apart), row[x], row[y]) for case, row in rows]),
            theirs=[("paper", row[x], row[f"paper, {y}"]) for _, row in rows],
        )
        for y in ys
    ]
