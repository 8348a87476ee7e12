"""BLEU by the number of passes, beside autoregressive models (paper, tables 1 and 2)."""

from __future__ import annotations

from typing import Optional

from fairseq_cmlm.render.table import Row, Table
from fairseq_cmlm.reporting import paper
from fairseq_cmlm.reporting.cells import Case
from fairseq_cmlm.reporting.results import AUTOREGRESSIVE, Results, Systems

LEGEND = """\
T: passes; N is one a token. passes: of the decoder, for a sentence's best translation, mean; an autoregressive decoder
makes one a token."""


def cases(systems: Systems) -> list[Case]:
    """T = 1, 4, 10 and N; and the baseline."""
    return [*systems.masked(1, 4, 10, 0), *systems.beam_search()]


def table(results: Results) -> Table:
    """A row for each case, and the paper's other autoregressive models."""
    rows = [_row(results, case) for case in cases(results.systems)]
    others = {"on distilled data": paper.AUTOREGRESSIVE_DISTILLED, "large": paper.AUTOREGRESSIVE_LARGE}
    for name, figures in others.items():
        if results.pair in figures:
            theirs: Row = {"system": f"paper: {AUTOREGRESSIVE}, {name}", "paper, base": figures[results.pair]}
            rows.append({**dict.fromkeys(rows[0]), **theirs})
    return Table("BLEU by the number of passes", rows, LEGEND)


def _row(results: Results, case: Case) -> Row:
    return {
        "system": case.system,
        "T": case.passes,
        "l or beam": case.size,
        "BLEU": results.bleu(case),
        "chrF": results.chrf(case),
        "passes": results.passes(case),
        "paper, small": paper.SMALL.get(results.pair, {}).get(case.iterations or 0),
        "paper, base": _base(case, results.pair),
    }


def _base(case: Case, pair: str) -> Optional[float]:
    if case.iterations is None:
        return paper.AUTOREGRESSIVE_BASE.get(pair) if case.size == 5 else None
    return paper.BASE.get(pair, {}).get(case.iterations)
