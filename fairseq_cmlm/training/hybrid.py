"""Hybrid training: the decoder learns masked tokens and left-to-right prediction together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairseq_cmlm.training.batch_loss import Batch, Losses, Part, Reader, TrainedNetwork, flat, view_loss
from fairseq_cmlm.training.noising import NOISINGS

if TYPE_CHECKING:
    from fairseq_cmlm.training.options import Training


def hybrid(network: TrainedNetwork, batch: Batch, options: Training) -> Losses:
    """Predict the masked tokens, and each token of the target given the source and all tokens to its left.

    Both passes share all parameters. In the second, the target is shifted, `</s>` first, and no position sees those to
    its right. So one network can write, judge what it wrote as an autoregressive model does, and decode like one. HRT
    (arXiv 2210.10416) is related: its autoregressive part writes every second token only.

    >>> import torch
    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> from fairseq_cmlm.training.noising import Example
    >>> from fairseq_cmlm.training.options import Training
    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> batch = Batch(target, Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> hybrid(EvenNetwork(10), batch, Training(objective="hybrid")).logged["causal_loss_size"]
    4
    """
    reader, example = Reader(network, batch, options), batch.example
    views = NOISINGS[options.noising].views(example)
    masked = view_loss(network, reader.encoding, example.target, views, options.label_smoothing)
    logits = network.causal_logits(reader.encoding, example.target, flat(example.fillable))
    causal = reader.part(logits, example.fillable, options.own("objective_weight"))
    return reader.losses(Part(*masked), causal_loss=causal)
