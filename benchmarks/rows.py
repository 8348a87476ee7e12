"""A row of the table of decoding speeds, from the cells."""

from __future__ import annotations

from statistics import mean
from typing import Any, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from benchmarks.document import fields, memory_cell, ratio_cell
from benchmarks.memory import Peak
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.experiments.case import Case
from fairseq_cmlm.experiments.cells import Cell
from fairseq_cmlm.experiments.timing import Spread, speed_ratios, spread
from fairseq_cmlm.measures.bleu import Bleu
from fairseq_cmlm.render.table import Panel, Row

LEGEND = """\
sentences/s: of the median round. p50, p90: latency of a batch, encoder and length prediction included. passes: calls of
the decoder, mean over sentences and their candidates. memory: peak of model and work, without Python and the
imported libraries. x PEER: how many times as fast, the median of the ratios of all rounds (least-greatest); a peer with
T and l is the one with the same T and l, or beside a preset, which has its own, the one with the most. BLEU: sacreBLEU,
tok:none, of the joined subwords.
"""


class Line(NamedTuple):
    """A row to measure: a case, and the T and l by which it is compared; None for left-to-right systems and presets."""

    case: Case
    iterations: Optional[int]
    candidates: Optional[int]


def details_of(
    line: Line,
    lines: Sequence[Line],
    cells: Mapping[Case, Cell],
    memory: Optional[Peak],
    peers: Sequence[str],
    bleu: Optional[Bleu],
) -> dict[str, Any]:
    """Return all that was measured of a line, beside all lines of the same batch size and number of threads."""
    case, cell = line.case, cells[line.case]
    latencies = [1000 * seconds for batches in cell.seconds for seconds in batches]
    return {
        "system": case.system,
        "decoding": case.decoding.signature(),
        "iterations": line.iterations,
        "candidates": line.candidates,
        "batch_size": case.batch_size,
        "threads": case.threads,
        "sentences_per_second": spread([len(cell.texts) / seconds for seconds in cell.rounds])._asdict(),
        "p50_ms": float(np.percentile(latencies, 50)),
        "p90_ms": float(np.percentile(latencies, 90)),
        "passes": mean(mean(passes[: len(lengths)]) for passes, lengths in zip(cell.passes, cell.lengths)),
        "memory_mb": fields(memory),
        "ratios": {peer: fields(_against(peer, line, lines, cells)) for peer in peers},
        "bleu": None if bleu is None else bleu.score(cell.texts),
        "seconds": cell.seconds,
    }


def _against(peer: str, line: Line, lines: Sequence[Line], cells: Mapping[Case, Cell]) -> Optional[Spread]:
    """Compare with the peer of the same T and l, or the one that has neither; a preset with that of the most."""
    preset = isinstance(line.case.decoding, Decoding) and line.iterations is None
    beside = [one for one in lines if one.case.system == peer and (preset or one[1:] in (line[1:], (None, None)))]
    if not beside:
        return None
    other = max(beside, key=lambda one: (one.iterations or 0, one.candidates or 0))
    return spread(speed_ratios(cells[other.case].rounds, cells[line.case].rounds))


def row_of(details: Mapping[str, Any]) -> Row:
    """Return the row of the table."""
    speed, memory = details["sentences_per_second"]["median"], details["memory_mb"]
    row: Row = {"system": details["system"], "T": details["iterations"], "l": details["candidates"]}
    row |= {"batch": details["batch_size"], "threads": details["threads"], "sentences/s": speed}
    row |= {"p50 ms": f"{details['p50_ms']:.0f}", "p90 ms": f"{details['p90_ms']:.0f}"}
    row |= {"passes": f"{details['passes']:.1f}", "memory MB": memory_cell(memory and Peak(**memory))}
    row |= {f"x {peer}": ratio_cell(ratio and Spread(**ratio)) for peer, ratio in details["ratios"].items()}
    return {**row, "BLEU": details["bleu"]}


def quality_panels(found: Sequence[Mapping[str, Any]]) -> list[Panel]:
    """Return the plots of BLEU against the time of a sentence: one for each batch size and number of threads.

    found  `details_of` the lines of trained models

    The points of a system with one number of candidates are joined, in the order of the options.
    """
    panels: dict[str, Panel] = {}
    for one in found:
        title = f"batch {one['batch_size']}, {one['threads']} thread{'s' if one['threads'] > 1 else ''}"
        panel = panels.setdefault(title, Panel("ms a sentence", "BLEU", {}, title, log=True))
        name = one["system"] if one["candidates"] is None else f"{one['system']}, l={one['candidates']}"
        point = (1000 / one["sentences_per_second"]["median"], one["bleu"])
        panel.series.setdefault(name, []).append(point)
    return list(panels.values())
