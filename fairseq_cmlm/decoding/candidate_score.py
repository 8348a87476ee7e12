"""Scoring length candidates, to choose one translation of each sentence."""

from __future__ import annotations

from torch import Tensor


def mean_log_probability(confidence: Tensor, fillable: Tensor) -> Tensor:
    """The mean of `confidence` (N, T), natural log, over the `fillable` (N, T) positions of a row, as (N,).

    Paper, section 3.3. Each token counts with the probability of the pass that last predicted it, and `</s>` is one of
    the tokens.
    """
    return confidence.masked_fill(~fillable, 0.0).sum(1) / fillable.sum(1)


def best_first(scores: Tensor) -> Tensor:
    """The candidates (B, K) in descending order of `scores` (B, K); among equals the earlier first."""
    return scores.argsort(dim=1, descending=True, stable=True)
