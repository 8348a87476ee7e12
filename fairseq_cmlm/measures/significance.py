"""Significance: is an output better than another by more than chance? By sacreBLEU's paired bootstrap."""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

from sacrebleu.significance import PairedTest

RESAMPLINGS = 1000
TEST = f"paired bootstrap, {RESAMPLINGS} resamplings, sacreBLEU's seed"


class Difference(NamedTuple):
    """The difference of a score from the baseline's, and its p-value: small if chance hardly explains it."""

    points: float
    p: float

    def __str__(self) -> str:
        return f"{self.points:+.1f} (p={self.p:.3f})"


def differences(metric: Any, baseline: Sequence[str], others: Sequence[Sequence[str]]) -> list[Difference]:
    """Return how the score of each of `others` differs from that of `baseline`, texts of the same sentences.

    metric  the metric of a Scale

    The p-values are those of `sacrebleu --paired-bs` with its seed, 12345 (SACREBLEU_SEED changes it): of 1,000
    resamplings of the sentences, the share whose difference is further from the mean one than the real one is from 0
    (Koehn, Statistical Significance Tests for Machine Translation Evaluation, EMNLP 2004), the real one counted in. It
    is 1 where the scores are equal, and for a single sentence, which no resampling changes.
    """
    systems = [("", list(texts)) for texts in (baseline, *others)]
    _, found = PairedTest(systems, {"": metric}, references=None, test_type="bs", n_samples=RESAMPLINGS)()
    (name,) = found.keys() - {"System"}
    first, *rest = found[name]
    # For these sacreBLEU reports its smallest p-value.
    nothing = [len(baseline) < 2 or result.score == first.score for result in rest]
    return [
        Difference(result.score - first.score, 1.0 if one else result.p_value) for result, one in zip(rest, nothing)
    ]
