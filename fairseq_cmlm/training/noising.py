"""Noising: which target tokens to hide in training. A noising returns a list of views of the target.

To add a noising: a function here, a row in NOISINGS, a row in its test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

import torch
from torch import Tensor

from fairseq_cmlm.schedule import MaskSchedule, linear, trained_count
from fairseq_cmlm.sentence_random import derived_keys, uniform_numbers


@dataclass(frozen=True)
class View:
    """One canvas to learn from; the decoder reads each view of a batch over the same encoding.

    canvas   (B, T) int64, the input of the decoder
    predict  (B, T) bool, the positions that carry the loss
    weight   (B,) float32, weight of each predicted token of a sentence; None for 1
    """

    canvas: Tensor
    predict: Tensor
    weight: Optional[Tensor] = None


@dataclass(frozen=True)
class Example:
    """The input of a noising.

    target    (B, T) int64, `</s>` included, padded
    fillable  (B, T) bool, true except at padding
    keys      (B,) int64, random keys of the sentences
    mask      id of the mask symbol
    schedule  the mask schedule, which gives the distribution of the number of masked tokens
    control   ids of the other control symbols; of these only `</s>` occurs in a target, at its end
    """

    target: Tensor
    fillable: Tensor
    keys: Tensor
    mask: int
    schedule: MaskSchedule = linear
    control: tuple[int, ...] = ()


Noising = Callable[[Example], "list[View]"]


def random_subset(fillable: Tensor, count: Tensor, numbers: Tensor) -> Tensor:
    """Choose `count` (B,) of the `fillable` (B, T) positions of each row, uniformly, by random `numbers` (B, T).

    >>> fillable = torch.tensor([[True, True, True, False]])
    >>> random_subset(fillable, torch.tensor([2]), torch.tensor([[0.9, 0.1, 0.5, 0.0]])).tolist()
    [[False, True, True, False]]
    """
    order = numbers.masked_fill(~fillable, 2.0).argsort(dim=1, stable=True)
    ranks = torch.arange(fillable.size(1), device=fillable.device).expand_as(order)
    return torch.zeros_like(order).scatter(1, order, ranks).lt(count[:, None]) & fillable


def drawn_numbers(example: Example, purpose: int = 0) -> tuple[Tensor, Tensor]:
    """Draw uniform numbers in [0, 1): one for each sentence, (B,), and one for each token, (B, T).

    purpose  each purpose has its own numbers; 0 are those of the masks

    A token's number belongs to its place in the sentence, so padding on the left changes nothing.

    >>> target = torch.tensor([[5, 6, 2, 1], [1, 5, 6, 2]])
    >>> _, numbers = drawn_numbers(Example(target, target.ne(1), keys=torch.tensor([3, 3]), mask=9))
    >>> numbers[0, :3].equal(numbers[1, 1:])
    True
    """
    keys = derived_keys(example.keys, purpose) if purpose else example.keys
    numbers = uniform_numbers(keys, 1 + example.target.size(1))
    place = (example.fillable.long().cumsum(1) - 1).clamp(min=0)
    return numbers[:, 0], numbers[:, 1:].gather(1, place)


def uniform(example: Example) -> list[View]:
    """Mask k of N tokens, k in 1..N drawn by the schedule (uniformly if linear); N counts `</s>` (section 3.2).

    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> (view,) = uniform(Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> view.canvas.tolist()
    [[5, 6, 9, 2]]
    """
    return [_mask_up_to(example, example.fillable.sum(1))]


def uniform_original(example: Example) -> list[View]:
    """Mask k tokens, k in 1..N-1, as the released code does (k = 1 if N = 1).

    It never trains on the fully masked canvas from which decoding starts.

    >>> target = torch.tensor([[5, 2]])
    >>> (view,) = uniform_original(Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> int(view.predict.sum())
    1
    """
    return [_mask_up_to(example, (example.fillable.sum(1) - 1).clamp(min=1))]


def full(example: Example) -> list[View]:
    """Mask all N tokens, the canvas of the first decoding pass only. For comparison.

    >>> target = torch.tensor([[5, 2, 1]])
    >>> full(Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))[0].canvas.tolist()
    [[9, 9, 1]]
    """
    return [View(example.target.masked_fill(example.fillable, example.mask), example.fillable)]


def _mask_up_to(example: Example, most: Tensor) -> View:
    """Mask k tokens of each row, k drawn from 1 to `most` (B,)."""
    of_sentence, of_tokens = drawn_numbers(example)
    predict = random_subset(example.fillable, trained_count(example.schedule, of_sentence, most), of_tokens)
    return View(example.target.masked_fill(predict, example.mask), predict)


NOISINGS: dict[str, Noising] = {
    "uniform": uniform,
    "uniform_original": uniform_original,
    "full": full,
}
