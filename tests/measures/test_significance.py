"""Differences that are none have no small p-value."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from fairseq_cmlm.measures.measure import Gold, Output
from fairseq_cmlm.measures.significance import (
    PERMUTATION,
    SIGN_TEST,
    TEST,
    Difference,
    compare,
    difference_of_sums,
    differences,
    named_tests,
)
from fairseq_cmlm.measures.table import MEASURES, TASK_MEASURES

REFERENCES = [f"a b c d e f g {number}" for number in range(40)]
WRONG = [text.replace("c", "x") for text in REFERENCES]


def p_of(baseline: list[str], other: list[str], references: list[str]) -> float:
    scale = MEASURES["bleu"].scale(Gold([references], "none", tokenised=True))
    assert scale is not None
    (found,) = differences(scale.metric, baseline, [other])
    return found.p


@pytest.mark.parametrize(
    "other",
    [
        WRONG,
        [text.replace("x", "y") for text in WRONG],
        [*WRONG[:39], f"{WRONG[39]} "],
    ],
    ids=["the same", "as wrong", "a blank more"],
)
def test_texts_that_score_alike_do_not_differ(other: list[str]) -> None:
    assert p_of(WRONG, other, REFERENCES) == 1


def test_one_sentence_says_nothing_and_forty_better_ones_do() -> None:
    assert p_of(WRONG[:1], REFERENCES[:1], REFERENCES[:1]) == 1
    assert p_of(WRONG, REFERENCES, REFERENCES) < 0.01


def test_shares_differ_as_the_exact_sign_test_says() -> None:
    # Of 59 answers that only one of two systems has right, the first has 38.
    first, second = [1.0] * 38 + [0.0] * 21 + [1.0] * 200, [0.0] * 38 + [1.0] * 21 + [1.0] * 200
    found = difference_of_sums(first, second, 259)
    assert found.points == pytest.approx(100 * 17 / 259)
    assert (found.p, found.test) == (binomtest(21, 59).pvalue, SIGN_TEST)
    assert difference_of_sums(second, first, 259) == found._replace(points=-found.points)
    assert difference_of_sums(first, first, 259).p == 1


@pytest.mark.parametrize(("scores", "of"), [([], 0), ([0.5], 1)], ids=["no text", "one text"])
def test_what_says_nothing_has_a_p_value_of_one(scores: list[float], of: int) -> None:
    found = difference_of_sums(scores, [0.0] * len(scores), of)
    assert found == Difference(50.0 * len(scores), 1, SIGN_TEST)


def test_scores_of_any_size_are_permuted() -> None:
    scores = [0.1, 0.2, 0.3, 0.45, 0.5, 0.65]
    found = difference_of_sums(scores, [0.0] * 6, 6)
    assert found.p == pytest.approx(2 / 2**6) and found.test == PERMUTATION  # all 64 signs are tried
    many = difference_of_sums(scores * 50, [*scores[1:], 0.2] * 50, 300)
    drawn = np.random.default_rng(1).choice([-1, 1], (20000, 300)) * (np.array(scores) - [*scores[1:], 0.2]).repeat(50)
    ups = (drawn.sum(1) >= 3 * many.points - 1e-9).mean()
    downs = (drawn.sum(1) <= 3 * many.points + 1e-9).mean()
    assert 0.01 < many.p < 1 and many.p == pytest.approx(min(1, 2 * min(ups, downs)), abs=0.03)


def test_the_blanks_of_one_text_are_one_draw() -> None:
    gold = Gold([["a x b y c z d"] * 10], details=[{"given": list("abcd"), "missing": list("xyz")}] * 10)
    right, lost = "a x b y c z d", "a x b y c z"
    first, second = Output([right] * 7 + [lost] * 3, []), Output([lost] * 7 + [right] * 3, [])
    scale = TASK_MEASURES["blank_exact"].scale(gold)
    assert scale is not None and scale.score(first) == 70
    (found,) = compare(scale, [second, first])
    assert found.points == pytest.approx(40) and found.p == binomtest(3, 10).pvalue
    half = Output(["a x b q c z d", *first.texts[1:]], [])
    assert scale.score(half) == pytest.approx(100 * 20 / 30)


def test_a_p_value_is_never_shown_as_nothing() -> None:
    assert str(Difference(1.0, 0.0001)) == "+1.0 (p<0.001)" and str(Difference(-1.0, 0.0006)) == "-1.0 (p=0.001)"


def test_each_score_has_the_test_that_is_for_it() -> None:
    right, wrong = Output(["good"] * 12, []), Output(["bad"] * 12, [])
    gold = Gold([["good"] * 12], details=[{"labels": ["good", "bad"]}] * 12)
    found = {}
    for name in ("accuracy", "macro_f1", "word_f1", "bleu"):
        scale = TASK_MEASURES[name].scale(gold)
        assert scale is not None
        found[name] = compare(scale, [wrong, right, wrong])
    assert not found["macro_f1"]
    assert [one.points for one in found["accuracy"]] == [100, 0] == [one.points for one in found["word_f1"]]
    assert [one.p for one in found["accuracy"]] == [pytest.approx(2 / 2**12), 1]
    assert named_tests({"accuracy %": found["accuracy"], "F1": found["word_f1"], "BLEU": found["bleu"]}, "base") == [
        f"difference of accuracy %, F1 from base: {SIGN_TEST}",
        f"difference of BLEU from base: {TEST}",
    ]
