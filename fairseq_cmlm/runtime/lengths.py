"""The length candidates of a sentence, and the length's part in their scores."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fairseq_cmlm.draft import Draft
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.runtime.arrays import Array


class LengthCandidates(NamedTuple):
    """lengths (K,) int64, tokens with `</s>`; bonus (K,) float32; places, how many candidates were asked for."""

    lengths: Array
    bonus: Array
    places: int


def candidates_of(log_probs: Array, size: int, empty: bool, weight: float) -> LengthCandidates:
    """Return the `size` most probable lengths, if so many are possible, by their log-probabilities (L,).

    empty   whether the source holds nothing: only then, and always then, so does the target (length 1)
    weight  w of the bonus w ln p(length) / length

    >>> candidates_of(np.log(np.array([0.1, 0.2, 0.3, 0.4], np.float32)), 2, False, 0.0).lengths.tolist()
    [3, 2]
    """
    places = min(size, len(log_probs) - 1)
    lengths = np.ones(1, np.int64) if empty else 2 + np.argsort(-log_probs[2:], kind="stable")[:places]
    lengths = lengths[np.isfinite(log_probs[lengths])]
    bonus = np.float32(weight) * log_probs[lengths] / lengths.astype(np.float32)
    return LengthCandidates(lengths, bonus, places)


def length_log_probs(logits: Array) -> Array:
    """Return the log-probabilities (L,) of the lengths, from their logits (L,); a length of 0 is impossible.

    >>> np.exp(length_log_probs(np.array([9.0, 0.0, 0.0], np.float32))).tolist()
    [0.0, 0.5, 0.5]
    """
    return np.concatenate([np.array([-np.inf], np.float32), log_softmax(logits[1:])])


def scaled(log_probs: Array, scale: float) -> Array:
    """Return the distribution (L,) of the length n as that of 1 + scale (n - 1): see fairseq_cmlm.decoding.lengths.

    >>> with np.errstate(divide="ignore"):
    ...     log_probs = np.log(np.array([0, 0, 0, 1, 0, 0], np.float32))
    >>> (12 * np.exp(scaled(log_probs, 1.5))).round().tolist()
    [0.0, 0.0, 0.0, 2.0, 8.0, 2.0]
    """
    if scale == 1:
        return log_probs
    probs, longest = np.exp(log_probs.astype(np.float64)), len(log_probs) - 1
    # Probability of a length up to b + 1/2, at the ends of the new lengths 0 to L - 1.
    b = (0.5 + (np.arange(longest + 1) - 0.5) / scale).clip(0, longest)
    b[0], b[-1] = 0, longest
    whole = b.astype(np.int64)
    up_to = probs.cumsum()[whole] + (b - whole) * np.append(probs, 0.0)[whole + 1]
    with np.errstate(divide="ignore"):  # of 0: the length is impossible
        found: Array = np.log(np.diff(up_to, prepend=0.0).clip(min=0)).astype(log_probs.dtype)
    return found


def budget_of(budget: int, longest: int, empty: bool) -> LengthCandidates:
    """Return the only candidate, of `budget` tokens and `</s>`; raise an OptionError if it is too long.

    empty  whether the source holds nothing: then `</s>` is all
    """
    if budget >= longest:
        raise OptionError(f"--length-budget {budget} does not fit: the model decodes at most {longest - 1} tokens")
    return LengthCandidates(np.array([1 if empty else budget + 1]), np.zeros(1, np.float32), 1)


def of_draft(draft: Draft, log_probs: Array, weight: float) -> LengthCandidates:
    """Return the one candidate that is a draft: its tokens to fill, while the length model speaks of all of them."""
    lengths = np.array([len(draft.tokens) - sum(draft.fixed)])
    given = log_probs[[len(draft.tokens)]].clip(min=np.log(np.finfo(np.float32).tiny))  # its length may be impossible
    bonus = np.float32(weight) * given / np.float32(max(1, len(draft.tokens)))
    return LengthCandidates(lengths, bonus, 1)


def log_softmax(logits: Array) -> Array:
    """Return the log-probabilities (..., V), natural log, of logits (..., V) float32.

    >>> np.exp(log_softmax(np.zeros(4, np.float32))).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    moved = logits - logits.max(axis=-1, keepdims=True)
    found: Array = moved - np.log(np.exp(moved).sum(axis=-1, keepdims=True))
    return found
