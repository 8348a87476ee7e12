"""Semi-autoregressive training: some of the revealed words are the network's own, as in decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from fairseq_cmlm.training.batch_loss import Batch, Losses, Reader, TrainedNetwork
from fairseq_cmlm.training.noising import Example, drawn_numbers, random_subset, uniform

if TYPE_CHECKING:
    from fairseq_cmlm.training.options import Training

_FIRST_MASKS, _ROUNDING = 1, 2  # purposes of random numbers


def smart(network: TrainedNetwork, batch: Batch, options: Training) -> Losses:
    """Predict the masked tokens when some of the revealed tokens are the network's own, from an earlier pass.

    SMART (Ghazvininejad, Levy and Zettlemoyer, arXiv 2001.08785), with the loss at the masked tokens alone.

    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> from fairseq_cmlm.training.options import Training
    >>> import torch
    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> batch = Batch(target, Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> smart(EvenNetwork(10), batch, Training(objective="smart")).size
    1
    """
    reader = Reader(network, batch, options)
    canvas, masked = _canvas(reader)
    return reader.losses(reader.part(reader.logits(canvas, masked), masked))


def smart_all(network: TrainedNetwork, batch: Batch, options: Training) -> Losses:
    """Predict the masked tokens as in `smart`, and the right token at every revealed position too.

    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> from fairseq_cmlm.training.options import Training
    >>> import torch
    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> batch = Batch(target, Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> smart_all(EvenNetwork(10), batch, Training(objective="smart_all")).size
    4.0
    """
    reader = Reader(network, batch, options)
    canvas, masked = _canvas(reader)
    states, revealed = reader.states(canvas), batch.example.fillable & ~masked
    weight = options.own("objective_weight")
    return reader.losses(reader.part_of(states, masked), revealed_loss=reader.part_of(states, revealed, weight))


def _canvas(reader: Reader) -> tuple[Tensor, Tensor]:
    """Return the canvas to learn from and its masks, drawn as in `cmlm`; both (B, T)."""
    example = reader.batch.example
    (view,) = uniform(example)
    first = first_masks(example, reader.options.own("guess_share") * reader.batch.progress)
    own = reader.guess(example.target.masked_fill(first, example.mask), first)
    return own.masked_fill(view.predict, example.mask), view.predict


def first_masks(example: Example, share: float) -> Tensor:
    """Choose the tokens for the first pass to predict, (B, T) bool: on average `share` of them, varying by sentence.

    A sentence's part is u^(1 / share - 1) with u uniform in [0, 1), whose mean is the share. For a share of one half it
    is u itself, as in SMART.

    >>> import torch
    >>> target = torch.full((1, 10), 7)
    >>> example = Example(target, target.ne(1), keys=torch.tensor([3]), mask=9)
    >>> int(first_masks(example, 0.0).sum()), int(first_masks(example, 1.0).sum())
    (0, 10)
    """
    of_sentence, of_tokens = drawn_numbers(example, _FIRST_MASKS)
    part = of_sentence ** (1 / max(share, 1e-9) - 1)
    # Rounded up with the probability of the fraction, so that short sentences have their share too.
    rounding, _ = drawn_numbers(example, _ROUNDING)
    return random_subset(example.fillable, (example.fillable.sum(1) * part + rounding).long(), of_tokens)
