"""BLEU and length accuracy by the number of length candidates, and with the reference's length (paper, table 5)."""

from __future__ import annotations

from fairseq_cmlm.render.table import Row, Table, panel_of
from fairseq_cmlm.reporting import paper
from fairseq_cmlm.reporting.cells import Case
from fairseq_cmlm.reporting.results import Results, Systems
from fairseq_cmlm.reporting.tables import repetition

ITERATIONS = 10
SIZES = range(1, 10)
LEGEND = f"""\
T=10. {repetition.LEGEND}
length accuracy: sentences whose reference's length, in subwords, is among the l candidates (LP)."""


def cases(systems: Systems) -> list[Case]:
    """From one to nine candidates, then the gold length."""
    return [*(Case(systems.model, ITERATIONS, size) for size in SIZES), Case(systems.model, ITERATIONS, 1, gold=True)]


def table(results: Results) -> Table:
    """A row for each l, and one for the gold length."""
    *predicted, gold = cases(results.systems)
    theirs = paper.CANDIDATES.get(results.pair)
    rows: list[Row] = [
        {
            "l": case.size,
            "BLEU": results.bleu(case),
            "repeated %": results.repeated(case),
            "length accuracy %": results.length_accuracy(case),
            "paper, BLEU": theirs and theirs.bleu[i],
            "paper, length accuracy %": theirs and theirs.accuracy[i],
        }
        for i, case in enumerate(predicted)
    ]
    measures = ("BLEU", "length accuracy %")
    panels = [panel_of(rows, "l", y, {results.systems.model: y, "paper": f"paper, {y}"}) for y in measures]
    best: Row = {
        "l": "gold length",
        "BLEU": results.bleu(gold),
        "repeated %": results.repeated(gold),
        "paper, BLEU": theirs and theirs.gold,
    }
    rows.append({**dict.fromkeys(rows[0]), **best})
    return Table("Length candidates", rows, LEGEND, panels)
