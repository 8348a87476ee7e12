"""A row of the table of decoding speeds, from the measured times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Mapping, Optional, Sequence

from sacrebleu.metrics import BLEU

from benchmarks.measuring import Timing
from benchmarks.memory import Peak
from benchmarks.ratios import Spread, percentile, speed_ratios, spread
from benchmarks.report import fields, memory_cell, ratio_cell
from benchmarks.systems import Case, Decoded

HEAD = ["system", "T", "l", "batch", "threads", "sentences/s", "p50 ms", "p90 ms", "passes", "memory MB"]
LEGEND = """\
sentences/s: of the median round. p50, p90: latency of a batch, encoder and length prediction included. passes: calls of
the decoder, mean over sentences and their candidates. memory: peak in a process of its own, without Python and the
imported libraries. x PEER: how many times as fast, the median of the ratios of all rounds (least-greatest); a peer with
T and l is the one with the same T and l. BLEU: sacreBLEU, tok:none, of the joined subwords.
"""


@dataclass(frozen=True)
class Row:
    """A line of the table.

    sentences_per_second  of the rounds
    p50, p90              latency of a batch, ms, over all rounds
    passes                of the decoder, mean over sentences and their candidates
    ratios                peer -> how many times as fast, round by round; None where they cannot be compared
    bleu                  0 to 100, of trained models
    """

    case: Case
    timing: Timing[Decoded]
    sentences_per_second: Spread
    p50: float
    p90: float
    passes: float
    memory: Optional[Peak]
    ratios: Mapping[str, Optional[Spread]]
    bleu: Optional[float]

    def cells(self) -> list[str]:
        """The line's text."""
        case = self.case
        return [
            case.system.name,
            str(case.iterations or "-"),
            str(case.candidates or "-"),
            str(case.batch_size),
            str(case.threads),
            f"{self.sentences_per_second.median:.2f}",
            f"{self.p50:.0f}",
            f"{self.p90:.0f}",
            f"{self.passes:.1f}",
            memory_cell(self.memory),
            *map(ratio_cell, self.ratios.values()),
            *([] if self.bleu is None else [f"{self.bleu:.2f}"]),
        ]

    def as_dict(self) -> dict[str, Any]:
        """The same unrounded, and the seconds of each batch in each round."""
        case = self.case
        return {
            "system": case.system.name,
            "iterations": case.iterations,
            "candidates": case.candidates,
            "batch_size": case.batch_size,
            "threads": case.threads,
            "sentences_per_second": fields(self.sentences_per_second),
            "p50_ms": self.p50,
            "p90_ms": self.p90,
            "passes": self.passes,
            "memory_mb": fields(self.memory),
            "ratios": {peer: fields(ratio) for peer, ratio in self.ratios.items()},
            "bleu": self.bleu,
            "seconds": self.timing.latencies,
        }


def make_row(
    case: Case,
    timings: Mapping[Case, Timing[Decoded]],
    memory: Optional[Peak],
    peers: Sequence[str],
    references: Optional[Sequence[Sequence[str]]],
) -> Row:
    """One row, from the times of all cases of the same batch size and number of threads; BLEU if with references."""
    timing = timings[case]
    latencies = [1000 * seconds for batches in timing.latencies for seconds in batches]
    passes = [sum(one.passes) / len(one.passes) for one in timing.done]
    return Row(
        case,
        timing,
        sentences_per_second=spread([len(timing.done) / seconds for seconds in timing.rounds]),
        p50=percentile(latencies, 50),
        p90=percentile(latencies, 90),
        passes=sum(passes) / len(passes),
        memory=memory,
        ratios={peer: _against(peer, case, timings) for peer in peers},
        bleu=None if references is None else bleu([one.words for one in timing.done], references),
    )


def _against(peer: str, case: Case, timings: Mapping[Case, Timing[Decoded]]) -> Optional[Spread]:
    """Against the peer with the same T and l, or the one that has neither. A case without matches the latter alone."""
    for other, timing in timings.items():
        if other.system.name == peer and other in (
            replace(case, system=other.system),
            replace(case, system=other.system, iterations=None, candidates=None),
        ):
            return spread(speed_ratios(timing.rounds, timings[case].rounds))
    return None


def bleu(translations: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> float:
    """BLEU of sacreBLEU with tok:none, of the tokens that joining the subwords (`@@ `) gives."""
    texts = [[" ".join(words).replace("@@ ", "") for words in side] for side in (translations, references)]
    score: float = BLEU(tokenize="none", force=True).corpus_score(texts[0], [texts[1]]).score
    return score
