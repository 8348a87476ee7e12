"""Exposure: how much worse a network predicts beside its own words, and whether it mends them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fairseq_cmlm.decoding.tokens import Symbols
from fairseq_cmlm.inference.divergence import refuse_nan
from fairseq_cmlm.model.network import Network
from fairseq_cmlm.sentence_random import text_keys
from fairseq_cmlm.training.batch_loss import flat, with_own_words
from fairseq_cmlm.training.losses import token_loss
from fairseq_cmlm.training.noising import Example, drawn_numbers, random_subset, uniform

_REPLACED = 1  # purpose of the random numbers that choose tokens to replace
_SHARE = 0.15  # share of the tokens that are replaced


class Exposure(NamedTuple):
    """Sums over sentences, which can be added up over batches.

    masked  number of masked tokens
    given   their negative log-likelihood, natural log, beside the reference's words
    own     their negative log-likelihood beside the network's own words
    wrong   number of replaced words that were wrong
    mended  number of wrong words that the network corrects
    right   number of replaced words that were right
    broken  number of right words that it would replace by a wrong one
    """

    masked: int
    given: float
    own: float
    wrong: int
    mended: int
    right: int
    broken: int

    def plus(self, other: Exposure) -> Exposure:
        """Add the sums of another Exposure.

        >>> Exposure(1, 0.5, 1.0, 2, 1, 3, 0).plus(Exposure(1, 0.5, 1.0, 0, 0, 1, 1))
        Exposure(masked=2, given=1.0, own=2.0, wrong=2, mended=1, right=4, broken=1)
        """
        return Exposure._make(one + another for one, another in zip(self, other))


@torch.no_grad()
def exposure(network: Network, source: Tensor, target: Tensor, symbols: Symbols) -> Exposure:
    """Measure exposure gap and repair rate of a network on sentence pairs (B, S) and (B, T) int64, padded.

    The network's own words come from one pass over the fully masked canvas. Gap: tokens are masked as in training and
    predicted twice, beside the reference's words and beside the network's own. Repair: 0.15 of the reference's words
    are replaced by the network's own, and the words at these places are predicted without masking them, for which plain
    `cmlm` is not trained. Both measures depend on the pair alone, not on its batch.
    """
    fillable = target.ne(symbols.pad)
    keys = text_keys(1, target, fillable) ^ text_keys(0, source, source.ne(network.encoder.pad))
    example = Example(target, fillable, keys, symbols.mask, control=symbols.control())
    encoding = network.encode(source)

    def logits(canvas: Tensor, asked: Tensor) -> Tensor:
        return network.logits(encoding, canvas, flat(asked)).float()

    everything = target.masked_fill(fillable, symbols.mask)
    first = logits(everything, fillable)
    refuse_nan([first], [network])
    own = with_own_words(example, first, fillable)
    (view,) = uniform(example)
    canvases = (view.canvas, own.masked_fill(view.predict, symbols.mask))
    given, beside_own = (token_loss(logits(canvas, view.predict), target[view.predict], 0.0).nll for canvas in canvases)
    replaced = _replaced(example)
    found = with_own_words(example, logits(torch.where(replaced, own, target), replaced), replaced)
    before, after = (words.eq(target)[replaced] for words in (own, found))
    return Exposure(
        masked=int(view.predict.sum()),
        given=float(given),
        own=float(beside_own),
        wrong=int((~before).sum()),
        mended=int((~before & after).sum()),
        right=int(before.sum()),
        broken=int((before & ~after).sum()),
    )


def _replaced(example: Example) -> Tensor:
    """Choose the words to replace, (B, T) bool: never `</s>`, and at least one if there are any."""
    words = example.fillable & ~torch.isin(example.target, torch.tensor(example.control, device=example.target.device))
    count = (words.sum(1) * _SHARE).round().long().clamp(min=1)
    return random_subset(words, count, drawn_numbers(example, _REPLACED)[1])
