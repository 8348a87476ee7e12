"""Temperatures and calibration errors of cases whose values are known."""

from __future__ import annotations

import numpy as np
import pytest

from fairseq_cmlm.measures.calibration import (
    calibration_error,
    fitted_temperature,
    negative_log_likelihood,
    probabilities,
)

RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_of_what_drew_the_classes_is_found(temperature: float) -> None:
    scores = RANDOM.normal(size=(20000, 3)) * 3
    shares = probabilities(scores, temperature)
    gold = (shares.cumsum(1) < RANDOM.random((20000, 1))).sum(1)
    found = fitted_temperature(scores, gold)
    assert found == pytest.approx(temperature, rel=0.05)
    assert calibration_error(shares, gold) < 0.02
    here = negative_log_likelihood(scores, gold, found)
    assert all(here <= negative_log_likelihood(scores, gold, found * factor) for factor in (0.8, 1.25))


def test_always_right_and_always_wrong_stay_in_range() -> None:
    scores = np.log(np.array([[0.9, 0.1]] * 5))
    assert fitted_temperature(scores, np.zeros(5, dtype=np.int64)) < 0.1
    assert fitted_temperature(scores, np.ones(5, dtype=np.int64)) > 15


@pytest.mark.parametrize(
    ("sure", "right", "expected"),
    [
        ([1.0, 1.0], [1, 1], 0.0),
        ([1.0, 1.0], [0, 0], 1.0),
        ([0.6, 0.6], [1, 0], 0.1),
        # Two bins: 0.6 is half right, 0.9 always.
        ([0.6, 0.6, 0.9, 0.9], [1, 0, 1, 1], 0.1),
        # One bin, in which too sure and too unsure cancel out.
        ([0.68, 0.72], [1, 0], 0.2),
        # The edge of a bin belongs to the lower one, and so these two stay apart.
        ([0.6, 0.6 + 1e-9], [1, 0], 0.5),
    ],
)
def test_the_gap_is_weighed_by_bin(sure: list[float], right: list[int], expected: float) -> None:
    shares = np.array([[p, 1 - p] for p in sure])
    assert calibration_error(shares, 1 - np.array(right)) == pytest.approx(expected, abs=1e-6)


def test_scores_of_any_size_have_probabilities() -> None:
    assert probabilities(np.array([[-1e4, -1e4 - 1]])).sum() == pytest.approx(1)
