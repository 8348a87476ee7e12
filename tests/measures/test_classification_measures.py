"""Measures of classification on outputs whose values are worked out by hand."""

from __future__ import annotations

import pytest

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.measures.measure import Gold, Output
from fairseq_cmlm.measures.table import TASK_MEASURES

LABELS = ["bad", "good", "so so"]
GOLD = Gold([["good", "good", "bad", "so so"]], details=[{"labels": LABELS}] * 4)
# Two right of the first two, a label for one of the others, and no label for the last.
OUTPUT = Output(["good", "good", "good", "fair"], [[]] * 4)
SCORES = [[-3.0, -0.1, -3.0]] * 4


def score(measure: str, output: Output, gold: Gold = GOLD) -> float | None:
    scale = TASK_MEASURES[measure].scale(gold)
    assert scale is not None
    return scale.score(output)


def test_accuracy_and_f1() -> None:
    assert score("accuracy", OUTPUT) == 50
    # good: precision 2/3, recall 1; the others none.
    assert score("macro_f1", OUTPUT) == pytest.approx(100 * (0.8 + 0 + 0) / 3)


def test_a_calibration_needs_scores_and_a_temperature() -> None:
    assert score("calibration_error", OUTPUT) is None
    scored = Output(OUTPUT.texts, OUTPUT.tokens, label_scores=SCORES)
    sure = 1 / (1 + 2 * 2.718281828 ** (-2.9))
    assert score("calibration_error", scored) == pytest.approx(100 * abs(0.5 - sure))
    assert score("calibrated_error", scored) is None
    flat = Output(OUTPUT.texts, OUTPUT.tokens, label_scores=SCORES, temperature=1e6)
    assert score("calibrated_error", flat) == pytest.approx(100 * (0.5 - 1 / 3), abs=0.1)
    assert score("calibration_error", flat) == score("calibration_error", scored)


def test_scores_of_other_labels_are_refused() -> None:
    with pytest.raises(TextError, match="scores of 3 labels"):
        score("calibration_error", Output(OUTPUT.texts, OUTPUT.tokens, label_scores=[[0.0, 1.0]] * 4))


@pytest.mark.parametrize("details", [None, [{}] * 4, [{"labels": LABELS}] * 3 + [{"labels": LABELS[:2]}]])
def test_texts_without_labels_have_no_f1(details: list[dict[str, list[str]]] | None) -> None:
    gold = Gold(GOLD.references, details=details)
    assert TASK_MEASURES["macro_f1"].scale(gold) is None and TASK_MEASURES["calibration_error"].scale(gold) is None
    assert score("accuracy", OUTPUT, gold) == 50


def test_a_part_of_an_output_has_its_scores() -> None:
    scored = Output(OUTPUT.texts, OUTPUT.tokens, label_scores=[[float(i)] for i in range(4)], temperature=2.0)
    part = scored.to([2, 0])
    assert part == Output(["good", "good"], [[], []], label_scores=[[2.0], [0.0]], temperature=2.0)
