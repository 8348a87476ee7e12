"""Repeated tokens by the number of passes (paper, table 3)."""

from __future__ import annotations

from fairseq_cmlm.experiments import paper
from fairseq_cmlm.experiments.axes import others, plots, signed
from fairseq_cmlm.experiments.case import Case, varied
from fairseq_cmlm.experiments.results import Results, figure
from fairseq_cmlm.experiments.subject import Subject, as_in_the_paper
from fairseq_cmlm.render.table import Row, Table

PASSES = (1, 2, 3, 4, 5, 10)
LEGEND = "repeated %: subwords that equal the one before them, of all."


def cases(subject: Subject) -> list[Case]:
    """Return T = 1 to 5, and 10."""
    return [subject.masked(iterations=T) for T in PASSES]


def table(results: Results) -> Table:
    """Return a row for each case, and plots by T."""
    all_cases = cases(results.subject)
    apart = [name for name in varied(all_cases) if name != "iterations"]
    rows: list[Row] = []
    for case in all_cases:
        pair = results.pair if as_in_the_paper(case) else ""
        row: Row = {
            "T": getattr(case.decoding, "iterations", None),
            **others(case, apart),
            "BLEU": results.score("bleu", case),
            "repeated %": results.score("repetition", case),
            "paper, BLEU": figure(paper.BASE.get(pair, {}), case),
            "paper, repeated %": figure(paper.REPEATED.get(pair, {}), case),
        }
        rows.append(row)
    panels = plots(list(zip(all_cases, rows)), "T", ("BLEU", "repeated %"), apart)
    return Table("Repetition", rows, LEGEND, panels, signed(all_cases))
