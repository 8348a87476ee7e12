"""Models side by side, as trained on raw and on distilled data (paper, table 6)."""

from __future__ import annotations

from fairseq_cmlm.experiments import paper
from fairseq_cmlm.experiments.axes import others, panel
from fairseq_cmlm.experiments.case import Case, label, varied
from fairseq_cmlm.experiments.results import Results, figure
from fairseq_cmlm.experiments.subject import Subject, as_in_the_paper
from fairseq_cmlm.render.table import Entry, Row, Table

PASSES = (1, 4, 10)
PAPERS = {"raw": paper.RAW, "distilled": paper.BASE}


def cases(subject: Subject) -> list[Case]:
    """Return T = 1, 4 and 10 of every model."""
    names = (subject.model, *subject.compared)
    return [subject.masked(name, iterations=T) for T in PASSES for name in names]


def table(results: Results) -> Table:
    """Return a row for each decoding, with columns for each model."""
    all_cases = cases(results.subject)
    apart = [name for name in varied(all_cases) if name != "iterations"]
    points: list[tuple[str, Entry, Entry]] = []
    found: dict[str, Row] = {}
    for case in all_cases:
        row = found.setdefault(case.decoding.signature(), _begun(case, apart))
        bleu, repeated = results.score("bleu", case), results.score("repetition", case)
        row |= {f"{case.system}, BLEU": bleu, f"{case.system}, repeated %": repeated}
        points.append((label(case, apart), row["T"], bleu))
    rows = list(found.values())
    by_decoding = {case.decoding.signature(): case for case in all_cases}
    for name, figures in PAPERS.items():
        known = figures.get(results.pair, {}) if results.pair in paper.RAW else {}
        for row, case in zip(rows, by_decoding.values()):
            row[f"paper, {name}"] = figure(known, case) if as_in_the_paper(case) else None
            points.append((f"paper, {name}", row["T"], row[f"paper, {name}"]))
    legend = f"l={all_cases[0].value('length_beam')}."
    details = [{"decoding": signature} for signature in found]
    return Table("Models side by side", rows, legend, [panel("T", "BLEU", points)], details)


def _begun(case: Case, apart: list[str]) -> Row:
    return {"T": getattr(case.decoding, "iterations", None), **others(case, apart)}
