"""Scoring length candidates, to choose one translation of each sentence."""

from __future__ import annotations

from torch import Tensor


def mean_log_probability(confidence: Tensor, fillable: Tensor) -> Tensor:
    """The mean of `confidence` (N, T), natural log, over the `fillable` (N, T) positions of a row, as (N,).

    Paper, section 3.3. Each token counts with the probability of the pass that last predicted it, and `</s>` is one of
    the tokens.
    """
    return confidence.masked_fill(~fillable, 0.0).sum(1) / fillable.sum(1)


def length_bonus(log_probs: Tensor, lengths: Tensor, weight: float) -> Tensor:
    """What the length model adds to the mean log-probabilities of the candidates, weight * ln p(length) / length.

    log_probs  (B, K), natural log, -inf for what is no candidate, which it stays
    lengths    (B, K) int64, tokens

    Not in the paper (weight 0). With weight 1 the score is ln p(length) + the sum of ln p(token), divided by the
    length. Without it short candidates win too often: they are the surer ones.
    """
    bonus = weight * log_probs.masked_fill(log_probs == float("-inf"), 0.0) / lengths
    return bonus.masked_fill(log_probs == float("-inf"), float("-inf"))


def best_first(scores: Tensor) -> Tensor:
    """The candidates (B, K) in descending order of `scores` (B, K); among equals the earlier first."""
    return scores.argsort(dim=1, descending=True, stable=True)
