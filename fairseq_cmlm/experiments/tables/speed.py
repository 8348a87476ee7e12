"""Speed against quality, as in a plot of the paper."""

from __future__ import annotations

from statistics import median
from typing import Optional, Sequence

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.experiments import paper
from fairseq_cmlm.experiments.axes import described, panel, signed
from fairseq_cmlm.experiments.case import Case, label, varied
from fairseq_cmlm.experiments.results import Results
from fairseq_cmlm.experiments.subject import Subject, as_in_the_paper
from fairseq_cmlm.experiments.timing import speed_ratios, spread
from fairseq_cmlm.render.table import Panel, Row, Table

PASSES, SIZES = (4, 8, 10), (1, 2, 5)
LEGEND = """\
seconds: for the whole text once, encoder and length prediction included, median of the rounds. x: how many times as
fast as the autoregressive model with beam 5, timed beside it, batch after batch in turn; median, least and greatest of
the rounds. So seconds of two rows, taken at other times, are not to be divided. The paper's, on one GPU, are read off
its plot by eye."""


def cases(subject: Subject) -> list[Case]:
    """Return the timed ones: each T with each l, and the greedy baseline."""
    masked = [subject.masked(timed=True, iterations=T, length_beam=size) for size in SIZES for T in PASSES]
    return [*subject.beam_search(1, timed=True), *masked]


def cases_with_peer(subject: Subject) -> list[Case]:
    """Return the same, and before them the baseline that they are timed beside, for its translations."""
    return [*subject.beam_search(5), *cases(subject)]


def table(results: Results) -> Table:
    """Return a row for the baseline with beam 5, and one for each case."""
    timed, baseline = cases(results.subject), results.subject.beam_search(5)
    names = varied(timed)
    rows = [_row(results, case, names) for case in timed]
    title = "Speed against quality"
    if not baseline:
        return Table(title, rows, LEGEND, details=signed(timed))
    seconds = median(seconds for case in timed for seconds in results.cells[case].peer)
    first = {**_facts(results, baseline[0], names), "seconds": seconds, "x": 1.0}
    rows.insert(0, {**dict.fromkeys(rows[0]), **first})
    shown = [*baseline, *timed]
    return Table(title, rows, LEGEND, [_panel(results, shown, rows)], signed(shown))


def _row(results: Results, case: Case, names: Sequence[str]) -> Row:
    cell = results.cells[case]
    ratio = spread(speed_ratios(cell.peer, cell.rounds)) if cell.peer else None
    return {
        **_facts(results, case, names),
        "seconds": median(cell.rounds),
        "x": ratio and ratio.median,
        "least": ratio and ratio.low,
        "greatest": ratio and ratio.high,
        "paper, x": _papers(case, results.pair),
    }


def _facts(results: Results, case: Case, names: Sequence[str]) -> Row:
    facts = {"passes": results.passes(case), "tokens a pass": results.tokens_per_pass(case)}
    return {**described(case, names), "BLEU": results.score("bleu", case), **facts}


def _papers(case: Case, pair: str) -> Optional[float]:
    if not isinstance(case.decoding, Decoding):
        return paper.AUTOREGRESSIVE_GREEDY_SPEED.get(pair)
    found = paper.SPEED.get(pair, {}).get((case.decoding.iterations, case.decoding.length_beam))
    return found.times_as_fast if found and as_in_the_paper(case) else None


def _panel(results: Results, shown: Sequence[Case], rows: Sequence[Row]) -> Panel:
    """Return a curve of several T for each l, and a point for each beam."""
    apart = [name for name in varied(shown) if name != "iterations"]
    ours = [(label(case, apart), row["x"], row["BLEU"]) for case, row in zip(shown, rows)]
    alike = all(map(as_in_the_paper, shown))
    points = paper.SPEED.get(results.pair, {}).values() if alike else []
    theirs = [("paper, l=2", point.times_as_fast, point.bleu) for point in points]
    return panel("times as fast as beam 5", "BLEU", [*ours, *theirs])
