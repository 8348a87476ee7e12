"""Differences that are none have no small p-value."""

from __future__ import annotations

import pytest

from fairseq_cmlm.measures.measure import Gold
from fairseq_cmlm.measures.significance import differences
from fairseq_cmlm.measures.table import MEASURES

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
