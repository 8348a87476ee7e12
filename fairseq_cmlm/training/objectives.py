"""Objectives: what a network learns from a batch. An objective may encode once and read any number of canvases.

To add one: a function here, a row in OBJECTIVES, a row in its test. It is called inside the model's one forward pass,
so that data-parallel training sees a single one, however often the decoder is run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional, Protocol, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.schedule import linear
from fairseq_cmlm.training.losses import TokenLoss, length_loss, token_loss
from fairseq_cmlm.training.noising import NOISINGS, Example, View, uniform

if TYPE_CHECKING:
    from fairseq_cmlm.training.options import Training


class TrainedNetwork(Protocol):
    """What an objective needs of a network; fairseq_cmlm.model.network has one."""

    def encode(self, source: Tensor) -> Any:
        """Encode the source (B, S)."""

    def logits(self, encoding: Any, canvas: Tensor, positions: Tensor) -> Tensor:
        """Return the logits (M, V) at the flat positions (M,) of the canvas (B * K, T)."""


@dataclass(frozen=True)
class Batch:
    """B sentence pairs: source (B, S) int64, and the target as a noising sees it."""

    source: Tensor
    example: Example


class Losses(NamedTuple):
    """What an objective returns.

    loss    scalar, natural log, a sum: this is minimised, divided by `size`
    size    how many tokens it is a sum over
    logged  name -> sum over the batch, for the log
    """

    loss: Tensor
    size: int
    logged: dict[str, Any]


Loss = Callable[[TrainedNetwork, Batch, "Training"], Losses]


@dataclass(frozen=True)
class Objective:
    """A loss, and the rows of model.heads.HEADS that it trains."""

    loss: Loss
    heads: tuple[str, ...] = ()


def cmlm(network: TrainedNetwork, batch: Batch, options: Training) -> Losses:
    """Predict the masked tokens and the target's length (paper, sections 3.2 and 3.3).

    Both losses are sums, and the size is the number of masked tokens. So splitting a batch over updates or processes
    gives the gradient of the whole; the length weighs, as in the released code, as much as one token.

    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> batch = Batch(target, Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> from fairseq_cmlm.training.options import Training
    >>> losses = cmlm(EvenNetwork(10), batch, Training())
    >>> sorted(losses.logged), losses.size <= 4
    (['length_correct', 'length_loss', 'loss', 'nll_loss'], True)
    """
    return masked_token_losses(network, batch, options, NOISINGS[options.noising](batch.example))


def likelihood(network: TrainedNetwork, batch: Batch, options: Training) -> Losses:
    """Minimise a bound of -ln p(target | source): mask k of N tokens, k uniform in 1..N, and weigh their loss by N / k.

    The objective of masked diffusion language models (LLaDA, arXiv 2502.09992; MDLM, arXiv 2406.07524). The size is the
    number of target tokens: the logged nll_loss is the bound for each, and its ppl a bound of the perplexity.

    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> batch = Batch(target, Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> from fairseq_cmlm.training.options import Training
    >>> likelihood(EvenNetwork(10), batch, Training()).size
    4
    """
    lengths = batch.example.fillable.sum(1)
    views = [weighted(view, lengths) for view in uniform(replace(batch.example, schedule=linear))]
    return masked_token_losses(network, batch, options, views, size=int(lengths.sum()))


def weighted(view: View, lengths: Tensor) -> View:
    """Give the k predicted tokens of each sentence the weight N / k, N = `lengths` (B,).

    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> view = View(target, predict=torch.tensor([[True, False, False, True]]))
    >>> weighted(view, torch.tensor([4])).weight.tolist()
    [2.0]
    """
    return replace(view, weight=lengths / view.predict.sum(1))


def masked_token_losses(
    network: TrainedNetwork, batch: Batch, options: Training, views: Sequence[View], size: Optional[int] = None
) -> Losses:
    """Sum the losses of the views' predicted tokens, and of the length. The size is their number, if not given.

    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> batch = Batch(target, Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> from fairseq_cmlm.training.options import Training
    >>> masked_token_losses(EvenNetwork(10), batch, Training(), NOISINGS["full"](batch.example)).size
    4
    """
    encoding = network.encode(batch.source)
    tokens, predicted = view_loss(network, encoding, batch.example.target, views, options.label_smoothing)
    length = length_loss(encoding.encoded.length_logits, batch.example.fillable.sum(1))
    loss = tokens.smoothed + options.length_loss_factor * length.nll
    logged = {
        "loss": loss.detach(),
        "nll_loss": tokens.nll.detach(),
        "length_loss": length.nll.detach(),
        "length_correct": length.correct.detach(),
    }
    return Losses(loss, predicted if size is None else size, logged)


def view_loss(
    network: TrainedNetwork, encoding: Any, target: Tensor, views: Sequence[View], smoothing: float
) -> tuple[TokenLoss, int]:
    """Sum the loss of the tokens that `views` predict, in one decoder pass; target (B, T). Return their number too.

    The views of a sentence lie side by side, as its length candidates do in decoding.

    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> target, network = torch.tensor([[5, 6, 7, 2]]), EvenNetwork(10)
    >>> views = NOISINGS["full"](Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> loss, predicted = view_loss(network, network.encode(target), target, views, smoothing=0.1)
    >>> round(loss.nll.item() / predicted, 3)  # ln 10
    2.303
    """
    predict = torch.stack([view.predict for view in views], dim=1)
    canvas = torch.stack([view.canvas for view in views], dim=1).flatten(0, 1)
    gold = torch.stack([target if view.gold is None else view.gold for view in views], dim=1)
    positions = predict.flatten().nonzero().squeeze(1)
    weights = None
    if any(view.weight is not None for view in views):
        ones = torch.ones(len(target), device=target.device)
        each = torch.stack([ones if view.weight is None else view.weight for view in views], dim=1)
        weights = each[..., None].expand(predict.shape).flatten()[positions]
    logits = network.logits(encoding, canvas, positions)
    return token_loss(logits, gold.flatten()[positions], smoothing, weights), positions.numel()


OBJECTIVES: dict[str, Objective] = {
    "cmlm": Objective(cmlm),
    "likelihood": Objective(likelihood),
}
