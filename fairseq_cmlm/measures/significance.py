"""Significance: is an output better than another by more than chance? By sacreBLEU's test, and by SciPy's."""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

import numpy as np
from sacrebleu.significance import PairedTest
from scipy.stats import permutation_test

from fairseq_cmlm.measures.measure import Output, Scale

RESAMPLINGS = 1000
TEST = f"paired bootstrap, {RESAMPLINGS} resamplings, sacreBLEU's seed"
_SIGNS, _SEED = 9999, 12345
SIGN_TEST = f"paired permutation test, {_SIGNS} draws, SciPy, seed {_SEED}"


class Difference(NamedTuple):
    """The difference of a score from the baseline's, its p-value, small if chance hardly explains it, and the test."""

    points: float
    p: float
    test: str = TEST

    def __str__(self) -> str:
        return f"{self.points:+.1f} ({f'p={self.p:.3f}' if self.p >= 0.0005 else 'p<0.001'})"


def compare(scale: Scale, outputs: Sequence[Output]) -> list[Difference]:
    """Return how the score of each output but the first differs from that of the first; nothing if there is no test."""
    first, *others = outputs
    if scale.metric is not None:
        return differences(scale.metric, first.texts, [one.texts for one in others])
    return [difference_of_means(scale.each(one), scale.each(first)) for one in others] if scale.each else []


def difference_of_means(scores: Sequence[float], baseline: Sequence[float]) -> Difference:
    """Return the difference in percent of the means of scores from 0 to 1, of the same sentences in the same order.

    The p-value is the share of 9,999 draws of signs for the differences of the sentences whose mean is as far from 0
    (Fisher's randomisation test; all signs where they are fewer), as scipy.stats.permutation_test has it, two-sided.
    For shares of right answers that is the sign test (McNemar's) but for the draws.

    >>> difference_of_means([1.0] * 6, [0.0] * 6)[:2]
    (100.0, 0.03125)
    """
    each = np.asarray(scores, dtype=float) - np.asarray(baseline, dtype=float)
    points = 100 * float(each.mean())
    other = each[each != 0]  # an equal score has no sign
    if not len(other):
        return Difference(points, 1.0, SIGN_TEST)
    options = {"permutation_type": "samples", "n_resamples": _SIGNS, "batch": 500, "random_state": _SEED}
    found = permutation_test((other,), lambda drawn, axis: drawn.sum(axis=axis), vectorized=True, **options)
    return Difference(points, min(1.0, float(found.pvalue)), SIGN_TEST)


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
