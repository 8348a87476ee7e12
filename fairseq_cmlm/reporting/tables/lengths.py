"""BLEU by the length of the reference (paper, table 4), and that of the autoregressive baseline, which it has not."""

from __future__ import annotations

from fairseq_cmlm.measures.length_buckets import BUCKET_NAMES, in_buckets
from fairseq_cmlm.render.table import Row, Table, panel_of
from fairseq_cmlm.reporting import paper
from fairseq_cmlm.reporting.cells import Case
from fairseq_cmlm.reporting.results import Results, Systems

LEGEND = "length: of the reference in subwords, without </s>. beam: of the autoregressive baseline."


def cases(systems: Systems) -> list[Case]:
    """T = 4, 10 and N; then beam 5, if there is a baseline."""
    return [*systems.masked(4, 10, 0), *systems.beam_search()[1:]]


def table(results: Results) -> Table:
    """A row for each bucket."""
    rows: list[Row] = []
    ours = {_column(case): case for case in cases(results.systems)}
    theirs = {f"T={passes or 'N'}": bleu for passes, bleu in paper.BY_LENGTH.get(results.pair, {}).items()}
    for number, sentences in enumerate(in_buckets([length - 1 for length in results.gold_lengths])):
        row: Row = {"length": BUCKET_NAMES[number], "sentences": len(sentences)}
        row |= {name: results.bleu_of(case, sentences) for name, case in ours.items()}
        row |= {f"paper, {name}": bleu[number] for name, bleu in theirs.items()}
        rows.append(row)
    columns = {name: name for name in ours}
    return Table("BLEU by target length", rows, LEGEND, [panel_of(rows, "length", "BLEU", columns)])


def _column(case: Case) -> str:
    return f"beam {case.size}" if case.iterations is None else f"T={case.passes}"
