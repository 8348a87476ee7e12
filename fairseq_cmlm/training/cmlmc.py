"""Learning to correct: the network also reads its own first guesses among the words that it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from fairseq_cmlm.training.batch_loss import Batch, Losses, Reader, TrainedNetwork
from fairseq_cmlm.training.noising import Example, drawn_numbers, random_subset, uniform

if TYPE_CHECKING:
    from fairseq_cmlm.training.options import Training

_CHOICE = 1  # purpose of the numbers that choose what is replaced


def cmlmc(network: TrainedNetwork, batch: Batch, options: Training) -> Losses:
    """Predict the masked tokens, and then again where guesses stand among the revealed ones: what should stand there.

    A share of the revealed tokens, --guess-share, is replaced by what the network makes of the fully masked canvas. It
    learns the right tokens at these places, those that were guessed right included, so that its output is of use at
    revealed positions too. CMLMC (Huang et al., ICLR 2022), without its changes of the architecture. --objective-weight
    10/3 gives corrections, 0.15 of the tokens, and masked tokens, 0.5 of them, the same part in the loss, as there.

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
    """Choose `share` of the `revealed` (B, T) positions of each sentence, rounded down, all choices alike.

    >>> import torch
    >>> target = torch.full((1, 10), 7)
    >>> example = Example(target, target.ne(1), keys=torch.tensor([3]), mask=9)
    >>> int(replaced(example, example.fillable, 0.3).sum())
    3
    """
    # In float64 and with a little more, so that 0.3 of 10 is 3.
    count = (revealed.sum(1).double() * share + 1e-9).long()
    return random_subset(revealed, count, drawn_numbers(example, _CHOICE)[1])
