"""Significance: is an output better than another by more than chance? By sacreBLEU's test, and by SciPy's."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

import numpy as np
from sacrebleu.significance import PairedTest

from fairseq_cmlm.measures.measure import Output, Scale

RESAMPLINGS = 1000
TEST = f"paired bootstrap, {RESAMPLINGS} resamplings, sacreBLEU's seed"
_SIGNS, _SEED = 9999, 12345
_SCIPY = f"SciPy {version('scipy')}"
SIGN_TEST = f"exact sign test, {_SCIPY}"
PERMUTATION = f"paired permutation test, {_SIGNS} draws with seed {_SEED}, {_SCIPY}"


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
    if scale.each is None:
        return []
    baseline = scale.each(first)
    return [difference_of_sums(scale.each(one), baseline, scale.of) for one in others]


def difference_of_sums(scores: Sequence[float], baseline: Sequence[float], of: int) -> Difference:
    """Return the difference of two sums of scores, in percent of `of`; both have the same texts in the same order.

    Chance would give each difference of a text either sign, whatever its size. The p-value is two-sided: twice the
    smaller of the shares of signs whose sum is at least, and at most, the one found. If all differences have one size,
    as those of right and wrong answers, that is the exact sign test (McNemar's exact test); else 9,999 signs are drawn
    (all are tried if there are fewer), and the third decimal of the p-value depends on the draws.

    >>> difference_of_sums([1.0] * 6, [0.0] * 6, 6)[:2]
    (100.0, 0.03125)
    """
    from scipy.stats import binomtest, permutation_test

    each = np.asarray(scores, dtype=float) - np.asarray(baseline, dtype=float)
    points = 100 * float(each.sum()) / max(of, 1)
    each = each[each != 0]
    if not len(each):
        return Difference(points, 1.0, SIGN_TEST)
    if np.ptp(np.abs(each)) == 0:
        return Difference(points, float(binomtest(int((each > 0).sum()), len(each)).pvalue), SIGN_TEST)
    drawn = {"permutation_type": "samples", "n_resamples": _SIGNS, "batch": 500, "random_state": _SEED}
    found = permutation_test((each,), lambda signed, axis: signed.sum(axis=axis), vectorized=True, **drawn)
    return Difference(points, float(found.pvalue), PERMUTATION)


def named_tests(found: Mapping[str, Iterable[Difference]], baseline: str) -> list[str]:
    """Return a line for each test: what is compared by it, of differences by their titles, from `baseline`."""
    titles: dict[str, dict[str, None]] = {}
    for title, some in found.items():
        for one in some:
            titles.setdefault(one.test, {})[title] = None
    return [f"difference of {', '.join(those)} from {baseline}: {test}" for test, those in titles.items()]


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
