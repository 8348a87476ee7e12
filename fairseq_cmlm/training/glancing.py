"""Glancing: training for a single pass, in which more words are revealed the more the network gets wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fairseq_cmlm.training.batch_loss import Batch, Losses, Reader, TrainedNetwork
from fairseq_cmlm.training.noising import Example, drawn_numbers, random_subset, uniform

if TYPE_CHECKING:
    from fairseq_cmlm.training.options import Training

_CHOICE = 1  # purposes of the random numbers that choose sentences and words
# Share of the wrong words to reveal at the start of the training and after the ramp.
_FIRST, _LAST = 0.5, 0.3


def glancing(network: TrainedNetwork, batch: Batch, options: Training) -> Losses:
    """Predict all tokens of some sentences at once, with some revealed: more of them the more one pass gets wrong.

    GLAT (Qian et al., ACL 2021) for --glancing-share of the sentences; the others are masked as in `cmlm`. The pass
    that counts wrong words and the pass that learns have the same dropout.

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
    """Choose the tokens to reveal, (B, T) bool: `ratio` times the number of wrong words in `own` (B, T), rounded down.

    numbers  (B, T) uniform in [0, 1), which choose among all tokens

    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> example = Example(target, target.ne(1), keys=torch.tensor([3]), mask=9)
    >>> own, numbers = torch.tensor([[5, 5, 5, 2]]), torch.tensor([[0.4, 0.3, 0.2, 0.1]])
    >>> glimpse(example, own, 0.5, numbers).tolist()
    [[False, False, False, True]]
    """
    wrong = (own.ne(example.target) & example.fillable).sum(1)
    return random_subset(example.fillable, (wrong.double() * ratio + 1e-9).long(), numbers)
