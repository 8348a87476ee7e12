"""BLEU by the length of the reference (paper, table 4), and that of the autoregressive baseline, which it has not."""

from __future__ import annotations

from fairseq_cmlm.experiments import paper
from fairseq_cmlm.experiments.axes import panel
from fairseq_cmlm.experiments.case import Case, label, varied
from fairseq_cmlm.experiments.results import Results
from fairseq_cmlm.experiments.subject import Subject, as_in_the_paper
from fairseq_cmlm.measures.length_buckets import BUCKET_NAMES, in_buckets
from fairseq_cmlm.render.table import Row, Table

LEGEND = "length: of the reference in subwords, without </s>. beam: of the autoregressive baseline."


def cases(subject: Subject) -> list[Case]:
    """Return T = 4, 10 and N; then beam 5, if there is a baseline."""
    return [*(subject.masked(iterations=T) for T in (4, 10, 0)), *subject.beam_search(5)]


def table(results: Results) -> Table:
    """Return a row for each bucket, with a column for each case."""
    all_cases = cases(results.subject)
    ours = {label(case, varied(all_cases)): case for case in all_cases}
    buckets = in_buckets([length - 1 for length in results.gold.lengths or []])
    scores = {name: results.bleu_of(case, buckets) for name, case in ours.items()}
    known = paper.BY_LENGTH.get(results.pair, {}) if all(map(as_in_the_paper, all_cases)) else {}
    theirs = {f"T={passes or 'N'}": bleu for passes, bleu in known.items()}
    rows: list[Row] = []
    for number, sentences in enumerate(buckets):
        row: Row = {"length": BUCKET_NAMES[number], "sentences": len(sentences)}
        row |= {name: bleu[number] for name, bleu in scores.items()}
        row |= {f"paper, {name}": bleu[number] for name, bleu in theirs.items()}
        rows.append(row)
    plot = panel("length", "BLEU", [(name, row["length"], row[name]) for name in ours for row in rows])
    signatures = {name: case.decoding.signature() for name, case in ours.items()}
    return Table("BLEU by target length", rows, LEGEND, [plot], [{"decoding": signatures}] * len(rows))
