"""Noising: which target tokens are hidden in training. A training step is a list of views of the target.

To add a noising: a function here, a row in NOISINGS, a row in its test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import torch
from torch import Tensor

from fairseq_cmlm.training.sentence_random import uniform_numbers


@dataclass(frozen=True)
class View:
    """One canvas to learn from.

    canvas   (B, T) int64, what the decoder reads
    predict  (B, T) bool, the positions that carry the loss
    """

    canvas: Tensor
    predict: Tensor


@dataclass(frozen=True)
class Example:
    """What a noising may look at.

    target    (B, T) int64, `</s>` included, padded
    fillable  (B, T) bool, what is no padding
    keys      (B,) int64, the sentences' random keys
    mask      the mask symbol
    """

    target: Tensor
    fillable: Tensor
    keys: Tensor
    mask: int


Noising = Callable[[Example], "list[View]"]


def random_subset(fillable: Tensor, count: Tensor, numbers: Tensor) -> Tensor:
    """`count` (B,) of the `fillable` (B, T) positions of each row, all subsets alike, chosen by `numbers` (B, T)."""
    order = numbers.masked_fill(~fillable, 2.0).argsort(dim=1, stable=True)
    ranks = torch.arange(fillable.size(1), device=fillable.device).expand_as(order)
    return torch.zeros_like(order).scatter(1, order, ranks).lt(count[:, None]) & fillable


def uniform(example: Example) -> list[View]:
    """Mask k tokens, k uniform in 1..N; N counts `</s>` (paper, section 3.2)."""
    return [_uniform_up_to(example, example.fillable.sum(1))]


def uniform_original(example: Example) -> list[View]:
    """Mask k tokens, k uniform in 1..N-1, as the released code does (k = 1 if N = 1).

    It never trains on the fully masked canvas from which decoding starts.
    """
    return [_uniform_up_to(example, (example.fillable.sum(1) - 1).clamp(min=1))]


def full(example: Example) -> list[View]:
    """Mask all N tokens: what the first pass of decoding reads, and no other pass does. For comparison."""
    return [View(example.target.masked_fill(example.fillable, example.mask), example.fillable)]


def _uniform_up_to(example: Example, most: Tensor) -> View:
    """Mask k tokens of each row, k uniform in 1..most (B,)."""
    numbers = uniform_numbers(example.keys, 1 + example.target.size(1))
    # The product can round up to `most` when the number is the largest below 1.
    count = torch.minimum(1 + (numbers[:, 0] * most).long(), most)
    predict = random_subset(example.fillable, count, numbers[:, 1:])
    return View(example.target.masked_fill(predict, example.mask), predict)


NOISINGS: dict[str, Noising] = {"uniform": uniform, "uniform_original": uniform_original, "full": full}
