"""Learning to correct: some of the revealed words are the network's own first guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from fairseq_cmlm.training.batch_loss import Batch, Losses, Reader, TrainedNetwork
from fairseq_cmlm.training.noising import Example, drawn_numbers, random_subset, uniform

if TYPE_CHECKING:
    from fairseq_cmlm.training.options import Training

_CHOICE = 1  # purpose of the random numbers that choose tokens to replace


def cmlmc(network: TrainedNetwork, batch: Batch, options: Training) -> Losses:
    """Predict the masked tokens, and the right tokens where the network's own guesses stand among the revealed ones.

    A share of the revealed tokens, --guess-share, is replaced by the network's predictions on the fully masked canvas.
    The network learns the right tokens there, also where the guess was right, so that its output at revealed positions
    is useful too. This is CMLMC (Huang et al., ICLR 2022) without its changes to the architecture. --objective-weight
    10/3 gives corrections (0.15 of the tokens) and masked tokens (0.5 of them) equal parts in the loss, as in CMLMC.

    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> from fairseq_cmlm.training.options import Training
    >>> import torch
    >>> target = torch.tensor([[5, 6, 7, 8, 9, 2]])
    >>> batch = Batch(target, Example(target, target.ne(1), keys=torch.tensor([3]), mask=10))
    >>> cmlmc(EvenNetwork(11), batch, Training(objective="cmlmc")).logged["correction_loss_size"]
    1
    """
    reader, example = Reader(network, batch, options), batch.example
    (view,) = uniform(example)
    masked = reader.part(reader.logits(view.canvas, view.predict), view.predict)
    chosen = replaced(example, example.fillable & ~view.predict, options.own("guess_share"))
    everything = example.target.masked_fill(example.fillable, example.mask)
    canvas = reader.guess(everything, chosen).masked_fill(view.predict, example.mask)
    weight = options.own("objective_weight") * batch.progress
    return reader.losses(masked, correction_loss=reader.part(reader.logits(canvas, chosen), chosen, weight))


def replaced(example: Example, revealed: Tensor, share: float) -> Tensor:
    """Choose `share` of the `revealed` (B, T) positions of each sentence, rounded down, uniformly at random.

    >>> import torch
    >>> target = torch.full((1, 10), 7)
    >>> example = Example(target, target.ne(1), keys=torch.tensor([3]), mask=9)
    >>> int(replaced(example, example.fillable, 0.3).sum())
    3
    """
    # In float64 and with a little added, so that 0.3 of 10 is 3.
    count = (revealed.sum(1).double() * share + 1e-9).long()
    return random_subset(revealed, count, drawn_numbers(example, _CHOICE)[1])
