"""Models side by side, as trained on raw and on distilled data (paper, table 6)."""

from __future__ import annotations

from fairseq_cmlm.render.table import Row, Table, panel_of
from fairseq_cmlm.reporting import paper
from fairseq_cmlm.reporting.cells import Case
from fairseq_cmlm.reporting.results import LENGTH_BEAM, Results, Systems

PASSES = (1, 4, 10)


def cases(systems: Systems) -> list[Case]:
    """T = 1, 4 and 10 of every model."""
    names = (systems.model, *systems.compared)
    return [Case(name, passes, LENGTH_BEAM) for passes in PASSES for name in names]


def table(results: Results) -> Table:
    """A row for each T, columns for each model."""
    names = (results.systems.model, *results.systems.compared)
    rows: list[Row] = []
    for passes in PASSES:
        row: Row = {"T": passes}
        for name in names:
            case = Case(name, passes, LENGTH_BEAM)
            row |= {f"{name}, BLEU": results.bleu(case), f"{name}, repeated %": results.repeated(case)}
        for name, figures in (("raw", paper.RAW), ("distilled", paper.BASE)):
            row[f"paper, {name}"] = figures[results.pair][passes] if results.pair in paper.RAW else None
        rows.append(row)
    columns = {
        **{name: f"{name}, BLEU" for name in names},
        **{name: name for name in ("paper, raw", "paper, distilled")},
    }
    return Table("Models side by side", rows, f"l={LENGTH_BEAM}.", [panel_of(rows, "T", "BLEU", columns)])
