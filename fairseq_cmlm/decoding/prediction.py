"""Predictions: what the refinement loop asks of a model, what it gets, and how logits become tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Iterable, NamedTuple, Optional, Sequence

import torch
from torch import Tensor


class Query(NamedTuple):
    """What the loop asks of the model.

    visible    (n, T) int64, the rows in work with the mask symbol at masked positions
    real       (n, T) bool, no padding
    size       how many positions are real, known on the host
    positions  (M,) int64 into the flattened (n * T), ascending: where a prediction is wanted
    last       (M,) bool, whether a position is the last fillable one of its row
    rows       (n,) int64, which of the N rows these are; None while all are in work
    """

    visible: Tensor
    real: Tensor
    size: int
    positions: Tensor
    last: Tensor
    rows: Optional[Tensor]


class Prediction(NamedTuple):
    """tokens (M,) int64 and the natural log of their probabilities, confidence (M,) float32, at M asked positions."""

    tokens: Tensor
    confidence: Tensor


Predict = Callable[[Query], Prediction]


@dataclass(frozen=True)
class Symbols:
    """Ids of the control symbols of the target dictionary."""

    bos: int
    pad: int
    eos: int
    mask: int

    def control(self) -> list[int]:
        """What may not stand inside a sentence."""
        return [self.bos, self.pad, self.eos, self.mask]


class Best(NamedTuple):
    """What `best_of_blocks` finds at M positions, each (M,).

    tokens      the best token that is not excluded
    logit       its logit
    normaliser  the log-sum-exp of all V logits
    excluded    the logits of each excluded token
    """

    tokens: Tensor
    logit: Tensor
    normaliser: Tensor
    excluded: dict[int, Tensor]


def best_of_blocks(blocks: Iterable[Tensor], excluded: Sequence[int]) -> Best:
    """The best token at each of M positions.

    blocks  logits (M, v) float32 of successive parts of the vocabulary, written over. So no (M, V) tensor is needed: a
            block of a few thousand tokens stays in the processor's cache.
    """
    start, parts = 0, []
    found: dict[int, Tensor] = {}
    for logits in blocks:
        for symbol in excluded:
            if start <= symbol < start + logits.size(1):
                found[symbol] = logits[:, symbol - start].clone()
                logits[:, symbol - start] = float("-inf")
        logit, tokens = logits.max(dim=1)
        # In place, and with the maximum at hand: torch's logsumexp would take fresh memory and look for it again.
        largest = logit.clamp(min=torch.finfo(logit.dtype).min)
        normaliser = logits.sub_(largest[:, None]).exp_().sum(dim=1).log_().add_(largest)
        parts.append((tokens + start, logit, normaliser))
        start += logits.size(1)
    tokens, logit, normaliser = (torch.stack(part) for part in zip(*parts))
    everything = torch.cat([normaliser, torch.stack(list(found.values()))]) if found else normaliser
    logit, block = logit.max(dim=0)
    return Best(tokens.gather(0, block[None])[0], logit, everything.logsumexp(dim=0), found)


def most_probable(blocks: Iterable[Tensor], last: Tensor, symbols: Symbols) -> Prediction:
    """The best token allowed at each of M positions, with its log-probability among all V tokens.

    blocks  as in `best_of_blocks`
    last    (M,) bool: there the token is `</s>`; elsewhere it is none of `</s>`, `<s>`, `<pad>` and the mask symbol

    The released code lets any symbol stand anywhere. The probability is the model's own in both cases: nothing is
    renormalised.
    """
    best = best_of_blocks(blocks, symbols.control())
    logit = torch.where(last, best.excluded[symbols.eos], best.logit)
    return Prediction(best.tokens.masked_fill(last, symbols.eos), logit - best.normaliser)


def most_probable_few(logits: Tensor, last: Tensor, symbols: Symbols, size: int) -> Prediction:
    """As `most_probable`, but the `size` best allowed tokens of each position, best first: (M, size).

    Where `</s>` alone is allowed, the rest has a log-probability of -inf.
    """
    normaliser = logits.logsumexp(dim=1, keepdim=True)
    end = logits[:, symbols.eos].clone()
    logits[:, symbols.control()] = float("-inf")
    best, tokens = logits.topk(min(size, logits.size(1)), dim=1)
    best = best.masked_fill(last[:, None], float("-inf"))
    best[:, 0] = torch.where(last, end, best[:, 0])
    return Prediction(tokens.masked_fill(last[:, None], symbols.eos), best - normaliser)


def average(logits: list[Tensor]) -> Tensor:
    """Log of the mean of several models' probabilities, (M, V); of one model its logits, as they are."""
    if len(logits) == 1:
        return logits[0]
    log_probs = torch.stack([one.log_softmax(dim=1) for one in logits])
    return log_probs.logsumexp(dim=0) - math.log(len(logits))
