"""Comparison of length candidates: their scores, their order, and giving up the worse half on the way."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_IMPOSSIBLE = float("-inf")


def mean_log_probability(log_probs: Tensor, fillable: Tensor, real: Tensor) -> Tensor:
    """Return the mean of `log_probs` (N, T), natural log, over the `real` (N, T) positions of a row, as (N,).

    Paper, section 3.3. Each token counts with the probability of the pass that last predicted it; `</s>` is one of the
    tokens. What the user has given, real but not `fillable`, is certain: over the blanks alone the mean would favour
    long ones, in which every token but the first has company that explains it. A row without tokens has 0.

    >>> real = torch.tensor([[True, True, True, False]])
    >>> fillable = torch.tensor([[True, True, False, False]])
    >>> mean_log_probability(torch.tensor([[-1.0, -5.0, -7.0, -9.0]]), fillable, real).tolist()
    [-2.0]
    """
    return log_probs.masked_fill(~fillable, 0.0).sum(1) / real.sum(1).clamp(min=1)


def length_bonus(log_probs: Tensor, lengths: Tensor, weight: float) -> Tensor:
    """Return the length model's part in the candidates' scores, weight * ln p(length) / length, as (B, K).

    log_probs  (B, K), natural log, -inf for what is no candidate, which it stays
    lengths    (B, K) int64, tokens, those that the user has given among them

    With weight 1 the score is ln p(length) + the sum of ln p(token), over the length. Without it (the paper, weight 0)
    short candidates win too often: they are the surer ones.

    >>> length_bonus(torch.tensor([[-1.0, -4.0]]), torch.tensor([[2, 4]]), 1.0).tolist()
    [[-0.5, -1.0]]
    """
    bonus = weight * log_probs.masked_fill(log_probs == _IMPOSSIBLE, 0.0) / lengths.clamp(min=1)
    return bonus.masked_fill(log_probs == _IMPOSSIBLE, _IMPOSSIBLE)


def best_first(scores: Tensor) -> Tensor:
    """Return the candidates (B, K) in descending order of `scores` (B, K); among equals the earlier first.

    >>> best_first(torch.tensor([[-2.0, -1.0, -1.0]])).tolist()
    [[1, 2, 0]]
    """
    return scores.argsort(dim=1, descending=True, stable=True)


class Halving(NamedTuple):
    """Keep the better half, rounded up, of a sentence's length candidates after every `every` passes.

    bonus       (B, K), added to the candidates' scores; -inf for those that are given up first
    candidates  of which the half is kept: K, or what a sentence alone may have where the batch decides about K
    """

    bonus: Tensor
    every: int
    candidates: int

    def places(self, done: int) -> int:
        """Return the number of candidates of a sentence that are left after `done` passes."""
        return -(-self.candidates // 2 ** min(done // self.every, self.candidates))

    def given_up(self, scores: Tensor, in_work: Tensor, done: int) -> Tensor:
        """Choose the rows to give up after `done` passes, (N,) bool.

        scores   (N,), N = B * K sentence-major
        in_work  (N,) bool, the rows that the schedule gives another pass

        A sentence with no row in work is left as it is: nothing is saved any more, and how long other sentences take
        must not decide about it.

        >>> halving, everything = Halving(torch.zeros(1, 3), every=1, candidates=3), torch.tensor([True, True, True])
        >>> halving.given_up(torch.tensor([-3.0, -1.0, -2.0]), everything, done=1).tolist()
        [True, False, False]
        """
        ranked = best_first(scores.view_as(self.bonus) + self.bonus)
        places = torch.arange(ranked.size(1), device=scores.device).expand_as(ranked)
        rank = torch.empty_like(ranked).scatter(1, ranked, places)
        unfinished = in_work.view_as(self.bonus).any(dim=1, keepdim=True)
        return ((rank >= self.places(done)) & unfinished).flatten()
