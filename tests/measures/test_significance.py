"""Differences that are none have no small p-value."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from fairseq_cmlm.measures.measure import Gold, Output
from fairseq_cmlm.measures.significance import Difference, compare, difference_of_means, differences
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
    found = difference_of_means(first, second)
    assert found.points == pytest.approx(100 * 17 / 259)
    assert found.p == pytest.approx(binomtest(21, 59).pvalue, abs=0.01)
    assert difference_of_means(second, first) == found._replace(points=-found.points)
    assert difference_of_means(first, first).p == 1


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
    assert "permutation" in found["accuracy"][0].test and "bootstrap" in found["bleu"][0].test
