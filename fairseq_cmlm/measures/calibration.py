"""Calibration: are predictions with probability p right in a share p of the cases (Guo et al. 2017)?

Scores (n, C) are log-probabilities of C classes in natural log, up to a constant for each of the n cases.
"""

from __future__ import annotations

from typing import Sequence, Union

import numpy as np
from numpy.typing import NDArray

Numbers = Union[NDArray[np.float64], Sequence[Sequence[float]]]
Classes = Union[NDArray[np.int64], Sequence[int]]
BINS = 15
_RANGE = (0.05, 20.0)  # bounds of the temperature


def probabilities(scores: Numbers, temperature: float = 1.0) -> NDArray[np.float64]:
    """Return softmax(scores / temperature), (n, C).

    >>> probabilities(np.log([[1.0, 3.0]])).round(2).tolist()
    [[0.25, 0.75]]
    """
    from scipy.special import softmax

    found: NDArray[np.float64] = softmax(np.asarray(scores) / temperature, axis=1)
    return found


def negative_log_likelihood(scores: Numbers, gold: Classes, temperature: float = 1.0) -> float:
    """Return the mean of -ln p of the right classes (n,)."""
    from scipy.special import log_softmax

    found = log_softmax(np.asarray(scores) / temperature, axis=1)[np.arange(len(gold)), gold]
    return -float(found.mean())


def fitted_temperature(scores: Numbers, gold: Classes) -> float:
    """Fit the temperature, 0.05 to 20, that minimises the negative log-likelihood.

    Dividing scores by it changes probabilities but no prediction (Guo et al. 2017, section 4.2).

    >>> scores = np.log([[0.99, 0.01]] * 4)
    >>> round(float(probabilities(scores, fitted_temperature(scores, np.array([0, 0, 0, 1])))[0, 0]), 2)
    0.75
    """
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log: negative_log_likelihood(scores, gold, float(np.exp(log))),
        bounds=tuple(np.log(_RANGE)),
        method="bounded",
    )
    return float(np.exp(found.x))


def calibration_error(probabilities: NDArray[np.float64], gold: Classes, bins: int = BINS) -> float:
    """Return the expected calibration error, 0 to 1: the weighted mean of |accuracy - mean p| over bins of p.

    probabilities  (n, C); the greatest of each case is its p
    bins           number of equally wide bins

    >>> round(calibration_error(np.array([[0.75, 0.25]] * 4), np.array([0, 0, 1, 1])), 2)
    0.25
    """
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == gold
    # Bins are open on the left: ]0, 1/15], ]1/15, 2/15] ...
    number = np.clip(np.ceil(sure * bins) - 1, 0, bins - 1).astype(int)
    gaps = np.bincount(number, weights=right - sure, minlength=bins)
    return float(np.abs(gaps).sum() / len(gold))
