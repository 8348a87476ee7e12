"""BLEU and length accuracy by the number of length candidates, and with the reference's length (paper, table 5)."""

from __future__ import annotations

from typing import Sequence

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.experiments import paper
from fairseq_cmlm.experiments.axes import others, plots, signed
from fairseq_cmlm.experiments.case import Case, varied
from fairseq_cmlm.experiments.results import Results
from fairseq_cmlm.experiments.subject import Subject, as_in_the_paper
from fairseq_cmlm.experiments.tables import repetition
from fairseq_cmlm.render.table import Entry, Row, Table

ITERATIONS = 10  # the paper's figures
SIZES = range(1, 10)
LEGEND = """\
length accuracy: sentences whose reference's length, in subwords, is among the l candidates (LP)."""


def cases(subject: Subject) -> list[Case]:
    """Return one to nine candidates, then the gold length."""
    predicted = [subject.masked(length_beam=size, gold_target_length=False) for size in SIZES]
    return [*predicted, subject.masked(length_beam=1, gold_target_length=True)]


def table(results: Results) -> Table:
    """Return a row for each l, and one for the gold length."""
    all_cases = cases(results.subject)
    names = varied(all_cases)
    rows = [_row(results, case, names) for case in all_cases]
    apart = [name for name in names if name not in ("length_beam", "gold_target_length")]
    predicted = [(case, row) for case, row in zip(all_cases, rows) if row["l"] != "gold length"]
    panels = plots(predicted, "l", ("BLEU", "length accuracy %"), apart)
    legend = f"T={all_cases[0].value('iterations')}. {repetition.LEGEND}\n{LEGEND}"
    return Table("Length candidates", rows, legend, panels, signed(all_cases))


def _row(results: Results, case: Case, names: Sequence[str]) -> Row:
    assert isinstance(case.decoding, Decoding)
    gold, size = case.decoding.gold_target_length, case.decoding.length_beam
    known = as_in_the_paper(case) and case.decoding.iterations == ITERATIONS
    theirs = paper.CANDIDATES.get(results.pair) if known else None
    bleu: Entry = theirs and (theirs.gold if gold else theirs.bleu[size - 1])
    return {
        "l": "gold length" if gold else size,
        **others(case, names),
        "BLEU": results.score("bleu", case),
        "repeated %": results.score("repetition", case),
        "length accuracy %": None if gold else results.score("length_accuracy", case),
        "paper, BLEU": bleu,
        "paper, length accuracy %": None if gold else theirs and theirs.accuracy[size - 1],
    }
