"""Repeated tokens by the number of passes (paper, table 3)."""

from __future__ import annotations

from fairseq_cmlm.render.table import Row, Table, panel_of
from fairseq_cmlm.reporting import paper
from fairseq_cmlm.reporting.cells import Case
from fairseq_cmlm.reporting.results import Results, Systems

PASSES = (1, 2, 3, 4, 5, 10)
LEGEND = "repeated %: subwords that equal the one before them, of all."


def cases(systems: Systems) -> list[Case]:
    """T = 1 to 5, and 10."""
    return systems.masked(*PASSES)


def table(results: Results) -> Table:
    """A row for each T."""
    rows: list[Row] = [
        {
            "T": passes,
            "BLEU": results.bleu(case),
            "repeated %": results.repeated(case),
            "paper, BLEU": paper.BASE.get(results.pair, {}).get(passes),
            "paper, repeated %": paper.REPEATED.get(results.pair, {}).get(passes),
        }
        for passes, case in zip(PASSES, cases(results.systems))
    ]
    measures = ("BLEU", "repeated %")
    panels = [panel_of(rows, "T", y, {results.systems.model: y, "paper": f"paper, {y}"}) for y in measures]
    return Table("Repetition", rows, LEGEND, panels)
