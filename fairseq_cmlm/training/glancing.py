"""Glancing: to write a sentence in one pass, the network learns with more of it revealed, the more it gets wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fairseq_cmlm.training.batch_loss import Batch, Losses, Reader, TrainedNetwork
from fairseq_cmlm.training.noising import Example, drawn_numbers, random_subset, uniform

if TYPE_CHECKING:
    from fairseq_cmlm.training.options import Training

_CHOICE = 1  # purpose of the numbers that choose sentences and words
# Of the wrong words so many are revealed when the training begins, and when the ramp is over.
_FIRST, _LAST = 0.5, 0.3


def glancing(network: TrainedNetwork, batch: Batch, options: Training) -> Losses:
    """Predict all tokens of some sentences at once, with a few revealed: the more, the more one pass gets wrong.

    GLAT (Qian et al., ACL 2021), mixed with the masks of `cmlm`, for which --glancing-share of the sentences are
    left out. Dropout is the same in the pass that counts what is wrong and in the one that learns.

    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> from fairseq_cmlm.training.options import Training
    >>> target = torch.tensor([[5, 6, 7, 8, 9, 2]])
    >>> batch = Batch(target, Example(target, target.ne(1), keys=torch.tensor([4]), mask=10, control=(2,)))
    >>> options = Training(objective="glancing", glancing_share=1)
    >>> glancing(EvenNetwork(11), batch, options).logged["glancing_loss_size"]  # 1 of 5 wrong words is revealed
    5
    """
    reader, example = Reader(network, batch, options), batch.example
    (view,) = uniform(example)
    of_sentence, of_tokens = drawn_numbers(example, _CHOICE)
    glances = (of_sentence < options.own("glancing_share"))[:, None]
    own = reader.guess(example.target.masked_fill(example.fillable, example.mask), example.fillable)
    shown = glimpse(example, own, _FIRST + (_LAST - _FIRST) * batch.progress, of_tokens)
    predict = torch.where(glances, example.fillable & ~shown, view.predict)
    states = reader.states(example.target.masked_fill(predict, example.mask))
    return reader.losses(
        reader.part_of(states, predict & ~glances), glancing_loss=reader.part_of(states, predict & glances)
    )


def glimpse(example: Example, own: Tensor, ratio: float, numbers: Tensor) -> Tensor:
    """Choose the tokens to reveal, (B, T) bool: `ratio` times as many, rounded down, as are wrong in `own` (B, T).

    numbers  (B, T) uniform in [0, 1), by which they are chosen among all tokens

    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> example = Example(target, target.ne(1), keys=torch.tensor([3]), mask=9)
    >>> own, numbers = torch.tensor([[5, 5, 5, 2]]), torch.tensor([[0.4, 0.3, 0.2, 0.1]])
    >>> glimpse(example, own, 0.5, numbers).tolist()
    [[False, False, False, True]]
    """
    wrong = (own.ne(example.target) & example.fillable).sum(1)
    return random_subset(example.fillable, (wrong.double() * ratio + 1e-9).long(), numbers)
