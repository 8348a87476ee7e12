"""Labels: the likelihoods of a few given targets, by one decoder pass over all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.lengths import length_log_probs
from fairseq_cmlm.inference.divergence import refuse_nan
from fairseq_cmlm.model.network import Network


class LabelledTarget(NamedTuple):
    """A target that ends in `</s>`, and the places of the label's own tokens; the others are given."""

    tokens: Sequence[int]
    own: range


@dataclass(frozen=True)
class LabelCanvases:
    """The K canvases on which the likelihood of C labels is read, the same for every text.

    canvases           (K, T) int64, padded: the first tokens of a label, then masks for the rest of it
    asked              (K,) int64, the position to predict, which is the first masked one
    row, token, label  (E,) int64 each: a factor of the likelihood of `label` is the probability of `token` on a `row`
    lengths            (C,) int64, the tokens of each target, `</s>` included
    """

    canvases: Tensor
    asked: Tensor
    row: Tensor
    token: Tensor
    label: Tensor
    lengths: Tensor

    def to(self, device: torch.device) -> LabelCanvases:
        """Copy the canvases to a device."""
        return LabelCanvases(**{name: part.to(device) for name, part in vars(self).items()})


def label_canvases(targets: Sequence[LabelledTarget], mask: int, pad: int) -> LabelCanvases:
    """Lay out the canvases of labels; labels of equal length with equal beginnings share canvases.

    >>> found = label_canvases([LabelledTarget([5, 2], range(1)), LabelledTarget([6, 2], range(1))], mask=9, pad=1)
    >>> found.canvases.tolist(), found.token.tolist(), found.label.tolist()
    ([[9, 2]], [5, 6], [0, 1])
    """
    width = max(len(target.tokens) for target in targets)
    rows: dict[tuple[int, ...], int] = {}
    asked: list[int] = []
    factors: list[tuple[int, int, int]] = []
    for label, (tokens, own) in enumerate(targets):
        for place in own:
            hidden = [mask if place <= i < own.stop else token for i, token in enumerate(tokens)]
            canvas = (*hidden, *[pad] * (width - len(tokens)))
            if canvas not in rows:
                rows[canvas] = len(rows)
                asked.append(place)
            factors.append((rows[canvas], tokens[place], label))
    row, token, label_of = torch.tensor(factors).unbind(1)
    lengths = torch.tensor([len(target.tokens) for target in targets])
    return LabelCanvases(torch.tensor(list(rows)), torch.tensor(asked), row, token, label_of, lengths)


@torch.no_grad()
def label_log_likelihoods(networks: Sequence[Network], source: Tensor, labels: LabelCanvases) -> Tensor:
    """Return the log-likelihood (B, C) of each label for the texts (B, S), natural log, by one decoder pass.

    The likelihood is exact: p(length) times the chain of the label's tokens from left to right, each given those before
    it, with those after it masked. The likelihoods of several networks are averaged. NaN is a ModelError.
    """
    found = [_of_network(network, source, labels) for network in networks]
    refuse_nan(found, networks)
    return torch.stack(found).logsumexp(dim=0) - math.log(len(found))


def _of_network(network: Network, source: Tensor, labels: LabelCanvases) -> Tensor:
    texts, (canvases, width) = len(source), labels.canvases.shape
    encoding = network.encode(source)
    positions = torch.arange(texts * canvases, device=source.device) * width + labels.asked.repeat(texts)
    states = network.states(encoding, labels.canvases.repeat(texts, 1), positions)
    tokens, column = torch.unique(labels.token, return_inverse=True)
    log_probs = network.log_probs(states, tokens.expand(len(positions), -1)).view(texts, canvases, -1)
    found = length_log_probs(encoding.encoded.length_logits)[:, labels.lengths]
    return found.index_add(1, labels.label, log_probs[:, labels.row, column])
