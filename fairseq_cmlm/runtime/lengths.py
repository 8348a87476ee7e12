"""The length candidates of a sentence: which they are, and what the length model adds to their scores."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.runtime.arrays import Array


class LengthCandidates(NamedTuple):
    """lengths (K,) int64, tokens with `</s>`; bonus (K,) float32; places, how many candidates were asked for."""

    lengths: Array
    bonus: Array
    places: int


def candidates_of(logits: Array, size: int, empty: bool, weight: float) -> LengthCandidates:
    """Return the `size` most probable lengths, if so many are possible, by the logits (L,) of the lengths.

    empty   whether the source holds nothing: only then, and always then, so does the target (length 1)
    weight  w of the bonus w ln p(length) / length

    >>> candidates_of(np.log(np.array([0.1, 0.2, 0.3, 0.4], np.float32)), 2, False, 0.0).lengths.tolist()
    [3, 2]
    """
    log_probs = log_softmax(logits[1:])  # of the lengths 1, 2 ...: 0 is none
    places = min(size, len(log_probs))
    possible = np.zeros(1, np.int64) if empty else 1 + np.argsort(-log_probs[1:], kind="stable")[:places]
    lengths = possible + 1
    bonus = np.float32(weight) * log_probs[possible] / lengths.astype(np.float32)
    return LengthCandidates(lengths, bonus, places)


def budget_of(budget: int, longest: int) -> LengthCandidates:
    """Return the one candidate of `budget` tokens and `</s>`; one that is too long is an OptionError."""
    if budget >= longest:
        raise OptionError(f"--length-budget {budget} does not fit: the model decodes at most {longest - 1} tokens")
    return LengthCandidates(np.array([budget + 1]), np.zeros(1, np.float32), 1)


def log_softmax(logits: Array) -> Array:
    """Return the log-probabilities (..., V), natural log, of logits (..., V) float32.

    >>> np.exp(log_softmax(np.zeros(4, np.float32))).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    moved = logits - logits.max(axis=-1, keepdims=True)
    found: Array = moved - np.log(np.exp(moved).sum(axis=-1, keepdims=True))
    return found
