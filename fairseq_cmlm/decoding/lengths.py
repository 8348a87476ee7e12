"""Length policies: which target lengths to decode (paper, section 3.3). Lengths are in tokens and include `</s>`."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

# Stands for the log-probability of a length that is given although the length model holds it impossible.
LEAST = math.log(torch.finfo(torch.float32).tiny)


class LengthCandidates(NamedTuple):
    """lengths (B, K) int64 and their log_probs (B, K), natural log; -inf is no candidate."""

    lengths: Tensor
    log_probs: Tensor


def length_log_probs(logits: Tensor) -> Tensor:
    """Return the log-probabilities (B, L) of the lengths from their logits; length 0 is impossible.

    >>> length_log_probs(torch.tensor([[9.0, 0.0, 0.0]])).exp().tolist()
    [[0.0, 0.5, 0.5]]
    """
    impossible = torch.arange(logits.size(1), device=logits.device) == 0
    return logits.float().masked_fill(impossible, float("-inf")).log_softmax(dim=1)


def scaled(log_probs: Tensor, scale: float) -> Tensor:
    """Return the distribution (B, L) of the length n as that of 1 + scale (n - 1), for `</s>` is not scaled.

    A length is taken as spread evenly from n - 1/2 to n + 1/2. What would be longer than L - 1 counts for L - 1.

    >>> scaled(torch.tensor([[0.0, 0.0, 0.0, 1.0, 0.0, 0.0]]).log(), 1.5).exp().mul(12).round().tolist()
    [[0.0, 0.0, 0.0, 2.0, 8.0, 2.0]]
    """
    if scale == 1:
        return log_probs
    # Differences of sums near 1: in single precision, 1e-7 of rounding would be a thousandth of a probability of 1e-4.
    probs, longest = log_probs.double().exp(), log_probs.size(1) - 1
    # Probability of a length up to b + 1/2, at the ends of the new lengths 0 to L - 1.
    ends = torch.arange(longest + 1, device=log_probs.device, dtype=torch.double)
    b = (0.5 + (ends - 0.5) / scale).clamp(min=0, max=longest)
    b[0], b[-1] = 0, longest
    whole = b.long()
    up_to = probs.cumsum(1)[:, whole] + (b - whole) * functional.pad(probs, (0, 1))[:, whole + 1]
    return functional.pad(up_to.diff(dim=1), (1, 0)).clamp(min=0).log().to(log_probs.dtype)


def predicted(log_probs: Tensor, size: int, empty: Tensor) -> LengthCandidates:
    """Return the `size` most probable lengths of each sentence, most probable first, none twice.

    log_probs  (B, L) float, natural log; the index is the length
    empty      (B,) bool, whether the source holds nothing: only then, and always then, so does the target (length 1)

    A sentence with fewer possible lengths repeats its first with a log-probability of -inf. The released code raises 0
    and 1 to 2 afterwards instead, and may decode the length 2 twice.

    >>> predicted(torch.tensor([[0.1, 0.2, 0.3, 0.4]]).log(), 2, torch.tensor([False])).lengths.tolist()
    [[3, 2]]
    """
    number = torch.arange(log_probs.size(1), device=log_probs.device)
    possible = torch.where(empty[:, None], number == 1, number > 1)
    best = log_probs.masked_fill(~possible, float("-inf")).topk(min(size, log_probs.size(1) - 1), dim=1)
    beyond = best.values == float("-inf")
    first = torch.where(beyond[:, :1], 1, best.indices[:, :1])
    return LengthCandidates(torch.where(beyond, first, best.indices), best.values)


def around_gold(gold: Tensor, size: int, longest: int) -> LengthCandidates:
    """Return K = `size` successive lengths around `gold` (B,): gold - (K-1)//2 ... gold + K//2, equally likely.

    The window is moved into 1 ... longest, never cut. For K = 1 it is the gold length itself.

    >>> around_gold(torch.tensor([5, 1]), 3, longest=9).lengths.tolist()
    [[4, 5, 6], [1, 2, 3]]
    """
    size = min(size, longest)
    first = (gold - (size - 1) // 2).clamp(min=1, max=longest - size + 1)
    return equally_likely(first[:, None] + torch.arange(size, device=gold.device))


def equally_likely(lengths: Tensor) -> LengthCandidates:
    """Return `lengths` (B, K) with log-probabilities of 0: no length model has a say.

    >>> equally_likely(torch.tensor([[4, 5]])).log_probs.tolist()
    [[0.0, 0.0]]
    """
    return LengthCandidates(lengths, torch.zeros(lengths.shape, device=lengths.device))


def as_log_probs(candidates: LengthCandidates, longest: int) -> Tensor:
    """Return the candidates as log-probabilities (B, longest + 1) by length, -inf where a length is none of them.

    >>> as_log_probs(equally_likely(torch.tensor([[2, 3]])), longest=3).tolist()
    [[-inf, -inf, 0.0, 0.0]]
    """
    lengths, log_probs = candidates
    table = log_probs.new_full((len(lengths), longest + 1), float("-inf"))
    # From the last to the first, so that a length that is repeated without being a candidate does not win.
    return table.scatter_reduce(1, lengths, log_probs, "amax")
