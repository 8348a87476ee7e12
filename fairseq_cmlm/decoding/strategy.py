"""Decoding strategies: after a pass, which positions are masked again?

A strategy answers this one question, and may choose among the best tokens of a position; the loop (loop.py) owns the
rest. To add one: a function here, a row in STRATEGIES, a row in its test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Optional

import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.tokens import Alternatives, Prediction
from fairseq_cmlm.sentence_random import derived_keys, uniform_numbers


@dataclass(frozen=True)
class Pass:
    """What a strategy may look at after a pass over n rows.

    before        the canvas that the pass read
    after         the same canvas with the new predictions written
    count         (n, 1) int64, how many positions of each row the mask schedule wants masked again
    unchanged     (n, 1) int64, how many consecutive passes up to this one have changed no token of the row
    done          passes made, this one included
    total         (n, 1) int64, the most passes of each row
    keys          (n,) int64, the rows' random keys
    alternatives  (n, T, k), the k best tokens where this pass predicted, -inf elsewhere; where the strategy asks for k
    """

    before: Canvas
    after: Canvas
    count: Tensor
    unchanged: Tensor
    done: int
    total: Tensor
    keys: Tensor
    alternatives: Optional[Alternatives] = None

    def random(self) -> Tensor:
        """Return numbers (n, T) uniform in [0, 1), new in each pass; they depend on the row and not on its batch."""
        return uniform_numbers(derived_keys(self.keys, self.done), self.after.tokens.size(1))


# (alternatives (M, k), uniform numbers (M,)) -> what is written at the M positions
Choose = Callable[[Alternatives, Tensor], Prediction]


@dataclass(frozen=True)
class Strategy:
    """How a pass goes on.

    remask        Pass -> (n, T) bool, the positions that the next pass predicts again
    keeps_count   `remask` masks exactly `Pass.count` positions of each row: the host then knows the size of the next
                  pass without asking the device
    alternatives  how many of the best tokens of a position it looks at; 1 is the best alone
    choose        which of them is written; None: the best
    random        draws numbers, by `Pass.random` or in `choose`
    """

    remask: Callable[[Pass], Tensor]
    keeps_count: bool = False
    alternatives: int = 1
    choose: Optional[Choose] = None
    random: bool = False


def lowest(values: Tensor, count: Tensor, among: Tensor) -> Tensor:
    """Find the `count` (n, 1) smallest `values` (n, T) of each row among the positions `among` (n, T), as (n, T) bool.

    Ties go to the leftmost position. A row with fewer than `count` candidates gets all of them.

    >>> values = torch.tensor([[3.0, 1.0, 2.0]])
    >>> lowest(values, torch.tensor([[2]]), torch.tensor([[True, True, True]])).tolist()
    [[False, True, True]]
    """
    # What is no number counts as lowest: behind the infinities it would push positions that are not `among` in.
    ranked = torch.where(among, values.nan_to_num(-math.inf, math.inf, -math.inf), math.inf)
    order = ranked.argsort(dim=1, stable=True)
    ranks = torch.arange(values.size(1), device=values.device).expand_as(order)
    return torch.zeros_like(order).scatter(1, order, ranks).lt(count) & among


def mask_predict(made: Pass) -> Tensor:
    """Mask the least sure tokens of the whole row (paper, section 3.1).

    A token that was kept competes with the probability of the pass that predicted it.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas, one = fully_masked(torch.tensor([3]), pad=1), torch.tensor([[1]])
    >>> after = canvas.written(torch.arange(3), torch.tensor([5, 6, 2]), torch.tensor([-2.0, -1.0, -0.1]))
    >>> mask_predict(Pass(canvas, after, count=one, unchanged=one, done=2, total=3 * one, keys=one[0])).tolist()
    [[True, False, False]]
    """
    return lowest(made.after.log_probs, made.count, made.after.fillable)


def without_remasking(made: Pass) -> Tensor:
    """Keep for good what is filled, the surest first (Kreutzer, Foster and Cherry 2020; MaskGIT, 2022).

    At least one token is filled in a pass, for else the next one would read the same canvas. With a confidence
    threshold all tokens that are sure enough are filled at once, and a row is finished the sooner.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas, one = fully_masked(torch.tensor([3]), pad=1), torch.tensor([[1]])
    >>> after = canvas.written(torch.arange(3), torch.tensor([5, 6, 2]), torch.tensor([-2.0, -1.0, -0.1]))
    >>> canvas = canvas.remasked(torch.tensor([[False, True, True]]))  # the first is filled already
    >>> without_remasking(Pass(canvas, after, count=one, unchanged=one, done=2, total=3 * one, keys=one[0])).tolist()
    [[False, True, False]]
    """
    unfilled = made.before.masked
    return lowest(made.after.log_probs, made.count.minimum(unfilled.sum(1, keepdim=True) - 1), unfilled)


STRATEGIES: dict[str, Strategy] = {
    "mask_predict": Strategy(mask_predict, keeps_count=True),
    "without_remasking": Strategy(without_remasking),
}
