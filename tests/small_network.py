"""A network of a few features and three sentence pairs, on which objectives are tried."""

from __future__ import annotations

from typing import Callable

import torch

from fairseq_cmlm.model.layer import LayerSize
from fairseq_cmlm.model.network import Network, NetworkSize, build_network
from fairseq_cmlm.sentence_random import sentence_keys
from fairseq_cmlm.training.batch_loss import Batch, Losses
from fairseq_cmlm.training.noising import Example
from fairseq_cmlm.training.objectives import OBJECTIVES
from fairseq_cmlm.training.options import Training

MASK, PAD = 14, 1
CONTROL = (0, PAD, 2, MASK)


def network(objective: str = "cmlm", dropout: float = 0.0, layers: int = 1) -> Network:
    """A new network with the objective's heads."""
    torch.manual_seed(1)
    layer = LayerSize(16, 32, 2, False, dropout, 0.0, 0.0)
    heads = OBJECTIVES[objective].heads
    size = NetworkSize(layer, layer, layers, layers, words=(15, 15), positions=(40, 40), pads=(1, 1), heads=heads)
    return build_network(size)


def batch(sentences: slice = slice(None), epoch: int = 5, left: bool = False) -> Batch:
    """Three pairs; left: padded on the left."""
    source = torch.tensor([[5, 6, 2, 1], [7, 8, 9, 2], [4, 2, 1, 1]])[sentences]
    rows = [[9, 8, 7, 6, 10, 11, 5, 2], [5, 12, 6, 2], [4, 4, 13, 9, 8, 2]]
    target = torch.tensor([[PAD] * (8 - len(row)) + row if left else row + [PAD] * (8 - len(row)) for row in rows])
    return Batch(source, example(target[sentences], torch.arange(3)[sentences], epoch))


def in_epoch(epoch: int) -> Batch:
    """The three pairs with the masks of an epoch."""
    return batch(epoch=epoch)


def example(target: torch.Tensor, numbers: torch.Tensor, epoch: int = 1) -> Example:
    """The target (B, T) of the sentences `numbers` (B,)."""
    return Example(target, target.ne(PAD), sentence_keys(1, epoch, numbers), MASK, control=CONTROL)


def long_sentences(rows: int = 500, length: int = 20) -> Example:
    """Sentences of `length` tokens, `</s>` included, padded, to count in."""
    target = torch.full((rows, length + 2), 7)
    target[:, length - 1], target[:, length:] = 2, PAD
    return example(target, torch.arange(rows))


def learn(
    objective: str, updates: int, made: Network, of_epoch: Callable[[int], Batch] = in_epoch, **options: object
) -> list[Losses]:
    """Train on the three pairs, or others, with new masks in each update, and return all losses."""
    chosen = Training(objective=objective, **options)  # type: ignore[arg-type]
    optimizer = torch.optim.Adam(made.parameters(), lr=1e-2)
    found = []
    for update in range(updates):
        losses = OBJECTIVES[objective].loss(made, of_epoch(update), chosen)
        optimizer.zero_grad()
        (losses.loss / losses.size).backward()
        optimizer.step()
        found.append(losses)
    return found
