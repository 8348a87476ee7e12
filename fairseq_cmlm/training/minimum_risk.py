"""Minimum risk training: optimise the BLEU of samples instead of the probability of the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fairseq_cmlm.training.batch_loss import Batch, Losses, Part, Reader, TrainedNetwork, flat
from fairseq_cmlm.training.losses import TokenLoss
from fairseq_cmlm.training.noising import Example, drawn_numbers, uniform
from fairseq_cmlm.training.sentence_bleu import sentence_bleu

if TYPE_CHECKING:
    from fairseq_cmlm.training.options import Training

_SAMPLES = 4  # samples of each sentence; the baseline of each is the mean of the others


def minimum_risk(network: TrainedNetwork, batch: Batch, options: Training) -> Losses:
    """Minimise the loss of `cmlm` plus 1 - BLEU of sentences whose masked tokens are drawn from the network.

    The gradient is REINFORCE's: samples that are better than the other samples of their sentence become more likely.
    Use it to fine-tune a trained model. With --objective-weight w, the risk is w / (1 + w) of the loss.

    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> from fairseq_cmlm.training.options import Training
    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> batch = Batch(target, Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> 0 <= minimum_risk(EvenNetwork(10), batch, Training(objective="minimum_risk")).logged["risk"] <= 1
    tensor(True)
    """
    reader, example = Reader(network, batch, options), batch.example
    (view,) = uniform(example)
    logits = reader.logits(view.canvas, view.predict)
    words = sampled_words(example, logits.detach(), view.predict)
    risk = torch.stack([1 - sentence_bleu(one, example.target, example.fillable) for one in words])
    surrogate = _surrogate(logits, words, risk, view.predict)
    masked = reader.part(logits, view.predict)
    mean = (risk.mean(0) * view.predict.sum(1)).sum()
    # The value is that of the risk, by which checkpoints are compared, and the gradient the surrogate's.
    loss = TokenLoss(surrogate - surrogate.detach() + mean, mean)
    return reader.losses(masked, risk=Part(loss, masked.size, options.own("objective_weight")))


def _surrogate(logits: Tensor, words: Tensor, risk: Tensor, masked: Tensor) -> Tensor:
    """Return a scalar with the gradient of the expected risk, summed over the masked tokens of all sentences.

    words (samples, B, T) int64, risk (samples, B), masked (B, T) bool

    It is the sum of tokens * (risk - mean risk of the other samples) * ln p(sample). The factors of a sentence add up
    to 0, so the normalisers of the probabilities cancel and logits can replace log-probabilities.
    """
    factor = masked.sum(1) * (risk - risk.mean(0)) / (len(risk) - 1)
    positions = flat(masked)
    # Not by gather, which keeps the logits for its gradient while token_loss overwrites them.
    places = words.flatten(1)[:, positions] + torch.arange(len(logits), device=logits.device) * logits.size(1)
    chosen = logits.flatten().index_select(0, places.flatten()).view_as(places).float()
    each = factor[:, :, None].expand(words.shape).flatten(1)[:, positions]
    return (each * chosen).sum()


def sampled_words(example: Example, logits: Tensor, masked: Tensor) -> Tensor:
    """Draw the `masked` tokens of the target by `logits` (M, V), as (samples, B, T) int64.

    As in decoding, control symbols are never drawn, and `</s>` stands where the target ends.

    >>> target = torch.tensor([[5, 6, 2]])
    >>> example = Example(target, target.ne(1), keys=torch.tensor([3]), mask=9, control=(0, 1, 2))
    >>> logits = torch.zeros(2, 10).index_fill(1, torch.tensor([7]), 99.0)
    >>> sampled_words(example, logits, torch.tensor([[True, False, True]])).tolist()[0]
    [[7, 6, 2]]
    """
    target, positions = example.target, flat(masked)
    banned = torch.tensor([example.mask, *example.control], device=target.device)
    with torch.autocast(target.device.type, enabled=False):
        sums = logits.float().index_fill(1, banned, -torch.inf).softmax(1).cumsum_(1)
    total, found = sums[:, -1:], []
    for number in range(_SAMPLES):
        numbers = drawn_numbers(example, 1 + number)[1].flatten()[positions, None]
        # Stay below the sum, which is not exactly 1; `right`, so that no word of probability 0 is drawn.
        below = torch.minimum(numbers * total, torch.nextafter(total, torch.zeros_like(total)))
        words = torch.searchsorted(sums, below, right=True).squeeze(1)
        own = target.flatten().index_copy(0, positions, words).view_as(target)
        found.append(torch.where(torch.isin(target, banned), target, own))
    return torch.stack(found)
