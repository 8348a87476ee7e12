"""Adaptive masking: the better the network predicts a sentence, the more given and the fewer own tokens it masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fairseq_cmlm.training.batch_loss import Batch, Losses, Reader, TrainedNetwork, same_dropout_again, with_own_words
from fairseq_cmlm.training.noising import Example, drawn_numbers, uniform

if TYPE_CHECKING:
    from fairseq_cmlm.training.options import Training

_SECOND_MASKS = 1  # purpose of random numbers


def amom(network: TrainedNetwork, batch: Batch, options: Training) -> Losses:
    """Predict the masked tokens, write them, mask anew depending on how good they are, and predict again.

    The target side of AMOM (Xiao et al., AAAI 2023); the source is never masked. Both passes have the same
    dropout, but in the last layer, which computes only the places that are asked for.

    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> from fairseq_cmlm.training.options import Training
    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> batch = Batch(target, Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> sorted(amom(EvenNetwork(10), batch, Training(objective="amom")).logged)[3:]
    ['nll_loss', 'nmasked', 'remasked_loss', 'remasked_loss_size']
    """
    reader, example = Reader(network, batch, options), batch.example
    (view,) = uniform(example)
    with same_dropout_again(example.target.device):
        logits = reader.logits(view.canvas, view.predict)
    own = with_own_words(example, logits, view.predict)
    masked = reader.part(logits, view.predict)
    again = second_masks(example, view.predict, own)
    weight = options.own("objective_weight") * batch.progress
    second = reader.part(reader.logits(own.masked_fill(again, example.mask), again), again, weight)
    return reader.losses(masked, remasked_loss=second)


def second_masks(example: Example, masked: Tensor, own: Tensor) -> Tensor:
    """Choose the tokens to mask in the second canvas, (B, T) bool.

    masked  (B, T) bool, tokens masked in the first canvas
    own     (B, T) int64, the network's words there

    With b = 0.6 * accuracy + 0.2, tokens of the network are masked with probability 1 - b and given tokens with
    probability b.

    >>> target = torch.full((1, 1000), 7)
    >>> example = Example(target, target.ne(1), keys=torch.tensor([3]), mask=9)
    >>> masked = torch.arange(1000)[None] < 500
    >>> again = second_masks(example, masked, own=target)
    >>> round(float(again[masked].float().mean()), 1), round(float(again[~masked].float().mean()), 1)
    (0.2, 0.8)
    """
    accuracy = (own.eq(example.target) & masked).sum(1) / masked.sum(1).clamp(min=1)
    given = (0.6 * accuracy + 0.2)[:, None]
    _, numbers = drawn_numbers(example, _SECOND_MASKS)
    return (numbers < torch.where(masked, 1 - given, given)) & example.fillable
