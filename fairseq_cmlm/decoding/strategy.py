"""Decoding strategies: after a pass, which positions are masked again?

A strategy answers this one question; the loop (refinement.py) owns the rest. To add one: a function here, a row in
STRATEGIES, a row in its test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import Canvas


@dataclass(frozen=True)
class Pass:
    """What a strategy may look at after a pass.

    before  the canvas that the pass read
    after   the same canvas with the new predictions written
    count   (N, 1) int64, how many positions of each row the mask schedule wants masked again
    stood   (N, 1) int64, how many passes up to this one, in succession, changed no token of the row
    """

    before: Canvas
    after: Canvas
    count: Tensor
    stood: Tensor


@dataclass(frozen=True)
class Strategy:
    """remask: Pass -> (N, T) bool, the positions that the next pass predicts again.

    keeps_count says that `remask` masks exactly `Pass.count` positions of each row. The host then knows the size of the
    next pass without asking the device.
    """

    remask: Callable[[Pass], Tensor]
    keeps_count: bool


def lowest(values: Tensor, count: Tensor, among: Tensor) -> Tensor:
    """The `count` (N, 1) smallest `values` (N, T) of each row among the positions `among` (N, T), as (N, T) bool.

    Ties go to the leftmost position. A row with fewer than `count` candidates gets all of them.
    """
    order = values.masked_fill(~among, float("inf")).argsort(dim=1, stable=True)
    ranks = torch.arange(values.size(1), device=values.device).expand_as(order)
    return torch.zeros_like(order).scatter(1, order, ranks).lt(count) & among


def mask_predict(last: Pass) -> Tensor:
    """Mask the least confident tokens of the whole row (paper, section 3.1).

    A token that was kept competes with the confidence of the pass that predicted it.
    """
    return lowest(last.after.confidence, last.count, last.after.fillable)


def without_remasking(last: Pass) -> Tensor:
    """Keep for good what is filled, the most confident first (Kreutzer, Foster and Cherry 2020; MaskGIT, 2022).

    At least one token is filled in a pass, for else the next one would read the same canvas. With a confidence
    threshold all tokens that are sure enough are filled at once, and a row is finished the sooner.
    """
    unfilled = last.before.masked
    return lowest(last.after.confidence, last.count.minimum(unfilled.sum(1, keepdim=True) - 1), unfilled)


STRATEGIES: dict[str, Strategy] = {
    "mask_predict": Strategy(mask_predict, keeps_count=True),
    "without_remasking": Strategy(without_remasking, keeps_count=False),
}
