"""BLEU by the length of the reference (paper, table 4)."""

from __future__ import annotations

from fairseq_cmlm.evaluation.length_buckets import BUCKET_NAMES, in_buckets
from fairseq_cmlm.reporting import paper
from fairseq_cmlm.reporting.cells import Case
from fairseq_cmlm.reporting.results import Results, Systems
from fairseq_cmlm.reporting.table import Row, Table, panel_of

LEGEND = "length: of the reference in subwords, without </s>."


def cases(systems: Systems) -> list[Case]:
    """T = 4, 10 and N."""
    return systems.masked(4, 10, 0)


def table(results: Results) -> Table:
    """A row for each bucket."""
    rows: list[Row] = []
    ours = {f"T={case.passes}": case for case in cases(results.systems)}
    theirs = paper.BY_LENGTH.get(results.pair, {})
    for number, sentences in enumerate(in_buckets([length - 1 for length in results.gold_lengths])):
        row: Row = {"length": BUCKET_NAMES[number], "sentences": len(sentences)}
        row |= {name: results.bleu_of(case, sentences) for name, case in ours.items()}
        for name, case in ours.items():
            row[f"paper, {name}"] = theirs[case.iterations or 0][number] if theirs else None
        rows.append(row)
    columns = {name: name for name in list(rows[0])[2:]}
    return Table("BLEU by target length", rows, LEGEND, [panel_of(rows, "length", "BLEU", columns)])
