"""A quality head, which learns how likely each token that the network wrote is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from fairseq_cmlm.schedule import linear, trained_count
from fairseq_cmlm.training.batch_loss import Batch, Losses, Part, Reader, TrainedNetwork, flat, with_own_words
from fairseq_cmlm.training.losses import TokenLoss
from fairseq_cmlm.training.noising import Example, drawn_numbers, random_subset, uniform

if TYPE_CHECKING:
    from fairseq_cmlm.training.options import Training

_CHOICE = 1  # purpose of the random numbers that choose tokens to reveal


def prism(network: TrainedNetwork, batch: Batch, options: Training) -> Losses:
    """Predict the masked tokens, reveal some of the predictions, and judge from a second reading which are right.

    PRISM (arXiv 2510.01384). The head `quality` gives the logit of the probability that the token at a position is
    right, given all others.

    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> from fairseq_cmlm.training.options import Training
    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> batch = Batch(target, Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> losses = prism(EvenNetwork(10), batch, Training(objective="prism"))
    >>> round(float(losses.logged["quality_loss"]) / losses.logged["quality_loss_size"], 3)  # ln 2
    0.693
    """
    reader, example = Reader(network, batch, options), batch.example
    (view,) = uniform(example)
    logits = reader.logits(view.canvas, view.predict)
    own = with_own_words(example, logits, view.predict)
    masked = reader.part(logits, view.predict)
    judged = judged_tokens(example, view.predict)
    canvas = own.masked_fill(view.predict & ~judged, example.mask)
    states = network.states(reader.encoding, canvas, flat(judged))
    right = own.eq(example.target)[judged]
    return reader.losses(masked, quality_loss=_judgement(network, states, right, options.own("objective_weight")))


def _judgement(network: TrainedNetwork, states: Tensor, right: Tensor, weight: float) -> Part:
    """Sum the binary cross-entropy of the head's judgement of the states (M, D); right (M,) bool."""
    judged = network.heads["quality"](states).float().squeeze(1)
    with torch.autocast(states.device.type, enabled=False):
        loss = functional.binary_cross_entropy_with_logits(judged, right.float(), reduction="sum")
    return Part(TokenLoss(loss, loss), right.numel(), weight)


def judged_tokens(example: Example, masked: Tensor) -> Tensor:
    """Choose k of the m `masked` (B, T) positions of each sentence, k uniform in 1..m, as (B, T) bool.

    >>> target = torch.full((1, 10), 7)
    >>> example = Example(target, target.ne(1), keys=torch.tensor([3]), mask=9)
    >>> 1 <= int(judged_tokens(example, example.fillable).sum()) <= 10
    True
    """
    of_sentence, of_tokens = drawn_numbers(example, _CHOICE)
    return random_subset(masked, trained_count(linear, of_sentence, masked.sum(1)), of_tokens)
