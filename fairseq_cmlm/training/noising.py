"""Noising: which target tokens to hide in training. A noising returns a list of views of the target.

To add a noising: a function here, a row in NOISINGS, a row in its test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, NamedTuple, Optional

import torch
from torch import Tensor

from fairseq_cmlm.schedule import MaskSchedule, linear, trained_count
from fairseq_cmlm.sentence_random import derived_keys, uniform_numbers

_CHOICE = 1  # purpose of the numbers that choose the sentences of `changed`


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
    source    (B, S) int64, `</s>` included, padded; for a noising that `reads_source`
    readable  (B, S) bool, true except at padding of the source
    """

    target: Tensor
    fillable: Tensor
    keys: Tensor
    mask: int
    schedule: MaskSchedule = linear
    control: tuple[int, ...] = ()
    source: Optional[Tensor] = None
    readable: Optional[Tensor] = None


class Noising(NamedTuple):
    """A noising: the function, and whether it compares the target with the source."""

    views: Callable[[Example], list[View]]
    reads_source: bool = False


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
    return [_mask_up_to(example, example.fillable.sum(1), example.fillable)]


def uniform_original(example: Example) -> list[View]:
    """Mask k tokens, k in 1..N-1, as the released code does (k = 1 if N = 1).

    It never trains on the fully masked canvas from which decoding starts.

    >>> target = torch.tensor([[5, 2]])
    >>> (view,) = uniform_original(Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> int(view.predict.sum())
    1
    """
    return [_mask_up_to(example, (example.fillable.sum(1) - 1).clamp(min=1), example.fillable)]


def full(example: Example) -> list[View]:
    """Mask all N tokens, the canvas of the first decoding pass only. For comparison.

    >>> target = torch.tensor([[5, 2, 1]])
    >>> full(Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))[0].canvas.tolist()
    [[9, 9, 1]]
    """
    return [View(example.target.masked_fill(example.fillable, example.mask), example.fillable)]


def changed(example: Example) -> list[View]:
    """Mask as `uniform` does in half of the sentences, and in the others only what the source has not.

    That is what stands between the first and the last difference of source and target, read from either end; of its N
    tokens k are masked, k in 1..N. Where nothing is left between, all tokens may be masked. So a text with a gap as the
    source teaches to fill that gap, where `uniform` mostly teaches to copy what stands around it.

    >>> target, source = torch.tensor([[5, 6, 7, 8, 2]] * 9), torch.tensor([[5, 4, 8, 2, 1]] * 9)
    >>> example = Example(target, target.ne(1), torch.arange(9), 9, source=source, readable=source.ne(1))
    >>> changed(example)[0].canvas[5:8].tolist()
    [[5, 6, 9, 8, 2], [9, 9, 9, 9, 2], [9, 6, 7, 8, 9]]
    """
    assert example.source is not None and example.readable is not None
    place = example.fillable.long().cumsum(1) - 1
    begin = _same_from_left(example.source, example.readable, example.target, example.fillable)
    mirrored = (one.flip(1) for one in (example.source, example.readable, example.target, example.fillable))
    end = example.fillable.sum(1) - _same_from_left(*mirrored)
    different = example.fillable & (place >= begin[:, None]) & (place < end[:, None])
    chosen = drawn_numbers(example, _CHOICE)[0].lt(0.5) & different.any(1)
    among = torch.where(chosen[:, None], different, example.fillable)
    return [_mask_up_to(example, among.sum(1), among)]


def _same_from_left(source: Tensor, readable: Tensor, target: Tensor, fillable: Tensor) -> Tensor:
    """Return with how many tokens (B,) both begin alike; of equal texts the padding counts, too."""
    width = min(source.size(1), target.size(1))
    ours, theirs = (_moved_left(*one)[:, :width] for one in ((source, readable), (target, fillable)))
    return ours.eq(theirs).long().cumprod(1).sum(1)


def _moved_left(tokens: Tensor, real: Tensor) -> Tensor:
    """Return the tokens (B, T) with all padding at their right."""
    return tokens.gather(1, (~real).long().argsort(dim=1, stable=True))


def _mask_up_to(example: Example, most: Tensor, among: Tensor) -> View:
    """Mask k tokens of each row, k drawn from 1 to `most` (B,), of the positions `among` (B, T)."""
    of_sentence, of_tokens = drawn_numbers(example)
    predict = random_subset(among, trained_count(example.schedule, of_sentence, most), of_tokens)
    return View(example.target.masked_fill(predict, example.mask), predict)


NOISINGS: dict[str, Noising] = {
    "uniform": Noising(uniform),
    "uniform_original": Noising(uniform_original),
    "changed": Noising(changed, reads_source=True),
    "full": Noising(full),
}
