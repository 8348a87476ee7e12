"""From logits to tokens: the allowed tokens of each position, and the best of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterable, NamedTuple, Optional, Sequence

import torch
from torch import Tensor

# Numbers of token sets. Each position of a canvas is limited to the token set of its number.
ANY_WORD, END, FIRST_SET = 0, 1, 2


@dataclass(frozen=True)
class Symbols:
    """Ids of the control symbols of the target dictionary."""

    bos: int
    pad: int
    eos: int
    mask: int

    def control(self) -> tuple[int, ...]:
        """Return the ids that must not occur inside a sentence."""
        return (self.bos, self.pad, self.eos, self.mask)


@dataclass(frozen=True)
class AllowedTokens:
    """The token sets of a decoding.

    banned  ids excluded from ANY_WORD and from all sets from FIRST_SET on
    end     the only token of set END; None if no position is limited to it
    sets    (A, V) bool, the sets FIRST_SET, FIRST_SET + 1, ... as rows; None if there are none
    """

    banned: tuple[int, ...]
    end: Optional[int]
    sets: Optional[Tensor] = None


class Alternatives(NamedTuple):
    """The k best tokens, best first: tokens (..., k) int64 and their log_probs (..., k), natural log."""

    tokens: Tensor
    log_probs: Tensor


class Prediction(NamedTuple):
    """The predictions at M asked positions.

    tokens        (M,) int64, the best allowed token
    log_probs     (M,) float32, natural log of its probability among all V tokens
    alternatives  (M, k), the k best, if more than one was asked for
    standing      (M,) float32, natural log of the probability of the tokens that the query names as present
    entropy       (M,) float32, entropy of the distribution over all V tokens, in nats, if asked for
    """

    tokens: Tensor
    log_probs: Tensor
    alternatives: Optional[Alternatives] = None
    standing: Optional[Tensor] = None
    entropy: Optional[Tensor] = None


class Draw(NamedTuple):
    """A way to draw tokens instead of taking the best.

    temperature  divisor of the logits, above 0
    top_p        draw only among the likeliest tokens that together reach this probability
    numbers      (M,) uniform in [0, 1)
    """

    temperature: float
    top_p: float
    numbers: Tensor


class Best(NamedTuple):
    """The result of `best_of_blocks` at M positions, each (M,).

    tokens      the best token that is not banned
    logit       its logit
    normaliser  log-sum-exp of all V logits
    banned      the logits of each banned token
    """

    tokens: Tensor
    logit: Tensor
    normaliser: Tensor
    banned: dict[int, Tensor]


def best_of_blocks(blocks: Iterable[Tensor], banned: Sequence[int]) -> Best:
    """Find the best token at each of M positions.

    blocks  logits (M, v) float32 of successive parts of the vocabulary, overwritten. No (M, V) tensor is needed, and a
            block of a few thousand tokens stays in the processor's cache

    >>> best_of_blocks([torch.tensor([[0.0, 5.0]]), torch.tensor([[3.0]])], banned=[1]).tokens.tolist()
    [2]
    """
    start, parts = 0, []
    found: dict[int, Tensor] = {}
    for logits in blocks:
        for symbol in banned:
            if start <= symbol < start + logits.size(1):
                found[symbol] = logits[:, symbol - start].clone()
                logits[:, symbol - start] = float("-inf")
        logit, tokens = logits.max(dim=1)
        # In place and with the known maximum; torch's logsumexp would allocate memory and search for it again.
        largest = logit.clamp(min=torch.finfo(logit.dtype).min)
        normaliser = logits.sub_(largest[:, None]).exp_().sum(dim=1).log_().add_(largest)
        parts.append((tokens + start, logit, normaliser))
        start += logits.size(1)
    tokens, logit, normaliser = (torch.stack(part) for part in zip(*parts))
    # Banned tokens keep their share of the probability; nothing is renormalised.
    everything = torch.cat([normaliser, torch.stack(list(found.values()))]) if found else normaliser
    logit, block = logit.max(dim=0)
    return Best(tokens.gather(0, block[None])[0], logit, everything.logsumexp(dim=0), found)


def most_probable(blocks: Iterable[Tensor], sets: Tensor, allowed: AllowedTokens) -> Prediction:
    """Return the best allowed token at each of M positions, with its log-probability among all V tokens.

    blocks  as in `best_of_blocks`
    sets    (M,) int64, the token set of each position

    >>> logits = torch.tensor([[0.0, 2.0, 1.0], [0.0, 2.0, 1.0]])
    >>> most_probable([logits], torch.tensor([ANY_WORD, END]), AllowedTokens(banned=(1,), end=1)).tokens.tolist()
    [2, 1]
    """
    if allowed.sets is not None:
        few = most_probable_few(torch.cat(list(blocks), dim=1), sets, allowed, 1)
        return Prediction(few.tokens[:, 0], few.log_probs[:, 0])
    best = best_of_blocks(blocks, allowed.banned)
    if allowed.end is None:
        return Prediction(best.tokens, best.logit - best.normaliser)
    ends = sets == END
    logit = torch.where(ends, best.banned[allowed.end], best.logit)
    return Prediction(best.tokens.masked_fill(ends, allowed.end), logit - best.normaliser)


def most_probable_few(logits: Tensor, sets: Tensor, allowed: AllowedTokens, size: int) -> Alternatives:
    """Return the `size` best allowed tokens at each of M positions, best first, as (M, size).

    logits  (M, V) float32, overwritten
    sets    (M,) int64, the token set of each position

    If fewer tokens are allowed, the rest have a log-probability of -inf. Of equals the first token is the best one, as
    in `most_probable`: logits in half precision are often equal.

    >>> allowed = AllowedTokens(banned=(1,), end=1)
    >>> most_probable_few(torch.tensor([[0.0, 5.0, 3.0]]), torch.tensor([ANY_WORD]), allowed, 2).tokens.tolist()
    [[2, 0]]
    """
    normaliser = logits.logsumexp(dim=1, keepdim=True)
    allowed_only = _with_allowed_only(logits, sets, allowed)
    best, first = allowed_only.max(dim=1, keepdim=True)
    tokens = first
    if size > 1:
        best, tokens = allowed_only.topk(min(size, logits.size(1)), dim=1)
        # The one that topk put there takes the place of the first, if that is among them, and else none.
        tokens = torch.where(tokens == first, tokens[:, :1], tokens)
        tokens[:, :1] = first
    if allowed.end is not None:
        tokens = tokens.masked_fill((sets == END)[:, None], allowed.end)
    return Alternatives(tokens, best - normaliser)


def _with_allowed_only(logits: Tensor, sets: Tensor, allowed: AllowedTokens) -> Tensor:
    """Set the `logits` (M, V) of tokens that a position must not have to -inf, in place."""
    ends = sets == END
    end = None if allowed.end is None else logits[:, allowed.end].clone()
    for symbol in allowed.banned:  # one by one: indexing with a list would make the host wait for a copy to the GPU
        logits[:, symbol] = float("-inf")
    if end is not None:
        logits.masked_fill_(ends[:, None], float("-inf"))
        logits[:, allowed.end] = torch.where(ends, end, logits[:, allowed.end])
    if allowed.sets is not None:
        outside = ~allowed.sets[(sets - FIRST_SET).clamp(min=0)] & (sets >= FIRST_SET)[:, None]
        logits.masked_fill_(outside, float("-inf"))
    return logits


def drawn(logits: Tensor, sets: Tensor, allowed: AllowedTokens, draw: Draw) -> Prediction:
    """Draw an allowed token at each of M positions; its log-probability is among all V tokens, at temperature 1.

    logits  (M, V) float32
    sets    (M,) int64, the token set of each position

    Nucleus sampling (Holtzman et al. 2020, arXiv 1904.09751) by inverting the distribution function, so that the token
    depends only on the number of its position.

    >>> logits, sets = torch.tensor([[0.2, 0.5, 0.3]]).log(), torch.tensor([ANY_WORD])
    >>> allowed = AllowedTokens(banned=(0,), end=None)
    >>> [drawn(logits, sets, allowed, Draw(1.0, 1.0, torch.tensor([u]))).tokens.item() for u in (0.6, 0.7)]
    [1, 2]
    """
    normaliser = logits.logsumexp(dim=1)
    logits = _with_allowed_only(logits.clone(), sets, allowed)
    shares = logits.div(draw.temperature).softmax(dim=1)
    if draw.top_p == 1:  # the order of the tokens does not matter, and sorting takes longer than all else
        token = _inverted(shares, draw.numbers)
    else:
        shares, tokens = shares.sort(dim=1, descending=True, stable=True)
        shares = shares.masked_fill(shares.cumsum(1) - shares >= draw.top_p, 0.0)
        token = tokens.gather(1, _inverted(shares, draw.numbers))
    return Prediction(token.squeeze(1), logits.gather(1, token).squeeze(1) - normaliser)


def _inverted(shares: Tensor, numbers: Tensor) -> Tensor:
    """Return the place (M, 1) in `shares` (M, V) where their sum from the left exceeds a number's (M,) share of all."""
    upto = shares.cumsum(1)
    whole = upto[:, -1:].contiguous()
    place = torch.searchsorted(upto, numbers[:, None] * whole, right=True)
    # If rounding leaves nothing above the number, the last token that has a share.
    return place.minimum(torch.searchsorted(upto, whole))


def log_probs_of(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return the log-probabilities (M,), natural log, of `tokens` (M,) under `logits` (M, V).

    >>> log_probs_of(torch.tensor([[0.0, 0.0]]), torch.tensor([1])).exp().tolist()
    [0.5]
    """
    return logits.gather(1, tokens[:, None]).squeeze(1) - logits.logsumexp(dim=1)


def entropy_of(logits: Tensor) -> Tensor:
    """Return the entropy (M,), in nats, of the distributions with `logits` (M, V).

    >>> round(entropy_of(torch.zeros(1, 2)).item(), 3)
    0.693
    """
    log_probs = logits.log_softmax(dim=1)
    return -(log_probs.exp() * log_probs).sum(1)


def average(logits: list[Tensor]) -> Tensor:
    """Return the log of the mean of several models' probabilities, (M, V); for one model, its logits unchanged.

    >>> mean = average([torch.tensor([[0.25, 0.75]]).log(), torch.tensor([[0.75, 0.25]]).log()])
    >>> [round(p, 3) for p in mean.exp()[0].tolist()]
    [0.5, 0.5]
    """
    if len(logits) == 1:
        return logits[0]
    log_probs = torch.stack([one.log_softmax(dim=1) for one in logits])
    return log_probs.logsumexp(dim=0) - math.log(len(logits))
