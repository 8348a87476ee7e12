"""Objectives: what a network learns from a batch. An objective may encode once and read any number of canvases.

To add one: a function here or in a file of its own, a row in OBJECTIVES, a row in its test. It is called inside the
model's one forward pass, so data-parallel training sees a single one, however often the decoder runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Mapping

from torch import Tensor

from fairseq_cmlm.schedule import linear
from fairseq_cmlm.training.amom import amom
from fairseq_cmlm.training.batch_loss import Batch, Loss, Losses, TrainedNetwork, masked_token_losses
from fairseq_cmlm.training.cmlmc import cmlmc
from fairseq_cmlm.training.glancing import glancing
from fairseq_cmlm.training.hybrid import hybrid
from fairseq_cmlm.training.minimum_risk import minimum_risk
from fairseq_cmlm.training.noising import NOISINGS, View, uniform
from fairseq_cmlm.training.prism import prism
from fairseq_cmlm.training.smart import smart, smart_all

if TYPE_CHECKING:
    from fairseq_cmlm.training.options import Training


@dataclass(frozen=True)
class Objective:
    """A loss, and what a network trained with it can do.

    options          the fields of training.options.Training that only some objectives use and this one does, with
                     their defaults
    heads            the rows of model.heads.HEADS that it trains
    scores_revealed  whether it trains the network to predict at positions whose tokens are shown, right or wrong; only
                     then may decoding read the output there (Strategy.rereads)
    causal           whether it also trains the network to predict from left to right
    """

    loss: Loss
    options: Mapping[str, Any] = field(default_factory=dict)
    heads: tuple[str, ...] = ()
    scores_revealed: bool = False
    causal: bool = False


def cmlm(network: TrainedNetwork, batch: Batch, options: Training) -> Losses:
    """Predict the masked tokens and the target's length (paper, sections 3.2 and 3.3).

    Both losses are sums, and the size is the number of masked tokens. So splitting a batch over updates or processes
    gives the gradient of the whole. A length weighs as much as one token, as in the released code.

    >>> import torch
    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> from fairseq_cmlm.training.noising import Example
    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> batch = Batch(target, Example(target, target.ne(1), keys=torch.tensor([3]), mask=9))
    >>> from fairseq_cmlm.training.options import Training
    >>> losses = cmlm(EvenNetwork(10), batch, Training())
    >>> sorted(losses.logged), losses.size <= 4
    (['length_correct', 'length_loss', 'loss', 'nll_loss', 'nmasked'], True)
    """
    return masked_token_losses(network, batch, options, NOISINGS[options.noising].views(batch.example))


def likelihood(network: TrainedNetwork, batch: Batch, options: Training) -> Losses:
    """Minimise a bound of -ln p(target | source): mask k of N tokens, k uniform in 1..N, loss times N / k.

    The objective of masked diffusion language models (LLaDA, arXiv 2502.09992; MDLM, arXiv 2406.07524). The size is the
    number of target tokens, so the logged nll_loss bounds the loss of a token, and ppl the perplexity.

    >>> import torch
    >>> from fairseq_cmlm.training.even_network import EvenNetwork
    >>> from fairseq_cmlm.training.noising import Example
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

    >>> import torch
    >>> target = torch.tensor([[5, 6, 7, 2]])
    >>> view = View(target, predict=torch.tensor([[True, False, False, True]]))
    >>> weighted(view, torch.tensor([4])).weight.tolist()
    [2.0]
    """
    return replace(view, weight=lengths / view.predict.sum(1))


OBJECTIVES: dict[str, Objective] = {
    "cmlm": Objective(cmlm, {"noising": "uniform"}),
    "likelihood": Objective(likelihood),
    "cmlmc": Objective(
        cmlmc, {"guess_share": 0.3, "objective_weight": 10 / 3, "ramp_updates": 0}, scores_revealed=True
    ),
    "glancing": Objective(glancing, {"glancing_share": 0.5, "ramp_updates": 0}),
    "smart": Objective(smart, {"guess_share": 0.5, "ramp_updates": 0}),
    "smart_all": Objective(
        smart_all, {"guess_share": 0.5, "objective_weight": 1.0, "ramp_updates": 0}, scores_revealed=True
    ),
    "hybrid": Objective(hybrid, {"noising": "uniform", "objective_weight": 0.5}, causal=True),
    "amom": Objective(amom, {"objective_weight": 1.0, "ramp_updates": 0}),
    "prism": Objective(prism, {"objective_weight": 1.0}, heads=("quality",)),
    "minimum_risk": Objective(minimum_risk, {"objective_weight": 3.0}),
}
