"""Speed against quality, as in a plot of the paper."""

from __future__ import annotations

from statistics import median
from typing import Optional

from fairseq_cmlm.render.table import Panel, Row, Table, panel_of
from fairseq_cmlm.reporting import paper
from fairseq_cmlm.reporting.cells import Case
from fairseq_cmlm.reporting.results import AUTOREGRESSIVE, Results, Systems

PASSES, SIZES = (4, 8, 10), (1, 2, 5)
BEAM_5 = Case(AUTOREGRESSIVE, None, 5)
LEGEND = """\
seconds: for the whole text once, encoder and length prediction included, median of the rounds. x: how many times as
fast as the autoregressive model with beam 5, timed beside it, batch after batch in turn; median, least and greatest of
the rounds. The paper's, on one GPU, are read off its plot by eye."""


def cases(systems: Systems) -> list[Case]:
    """Each T with each l, and the greedy baseline."""
    greedy = [Case(AUTOREGRESSIVE, None, 1, timed=True)] if systems.teacher else []
    return [*greedy, *(Case(systems.model, passes, size, timed=True) for size in SIZES for passes in PASSES)]


def cases_with_peer(systems: Systems) -> list[Case]:
    """The same, and the baseline's translations."""
    return [*([BEAM_5] if systems.teacher else []), *cases(systems)]


def table(results: Results) -> Table:
    """A row for the baseline with beam 5, and one for each case."""
    timed = cases(results.systems)
    rows = [_row(results, case) for case in timed]
    title = "Speed against quality"
    if not results.systems.teacher:
        return Table(title, rows, LEGEND)
    peer = [seconds for case in timed for seconds in results.cells[case].peer]
    rows.insert(0, {**_facts(results, BEAM_5), "seconds": median(peer), "x": 1.0, "least": None, "greatest": None})
    rows[0]["paper, x"] = None
    return Table(title, rows, LEGEND, [_panel(results, rows)])


def _row(results: Results, case: Case) -> Row:
    cell = results.cells[case]
    ratios = [peer / own for own, peer in zip(cell.seconds, cell.peer)]
    return {
        **_facts(results, case),
        "seconds": median(cell.seconds),
        "x": median(ratios) if ratios else None,
        "least": min(ratios, default=None),
        "greatest": max(ratios, default=None),
        "paper, x": _papers(case, results.pair),
    }


def _facts(results: Results, case: Case) -> Row:
    bleu, passes = results.bleu(case), results.passes(case)
    return {"system": case.system, "T": case.passes, "l or beam": case.size, "BLEU": bleu, "passes": passes}


def _papers(case: Case, pair: str) -> Optional[float]:
    if case.iterations is None:
        return paper.AUTOREGRESSIVE_GREEDY_SPEED.get(pair)
    found = paper.SPEED.get(pair, {}).get((case.iterations, case.size))
    return found and found.times_as_fast


def _panel(results: Results, rows: list[Row]) -> Panel:
    curves = {f"l={size}": (results.systems.model, size) for size in SIZES}
    curves |= {f"{AUTOREGRESSIVE}, beam {beam}": (AUTOREGRESSIVE, beam) for beam in (1, 5)}
    panel = Panel("times as fast as beam 5", "BLEU", {})
    for name, curve in curves.items():
        chosen = [row for row in rows if (row["system"], row["l or beam"]) == curve]
        panel.series[name] = panel_of(chosen, "x", "BLEU", {name: "BLEU"}).series[name]
    theirs = paper.SPEED.get(results.pair, {}).values()
    panel.series["paper, l=2"] = [(point.times_as_fast, point.bleu) for point in theirs]
    return panel
