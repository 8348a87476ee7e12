"""Decoding as the released code of the paper does it, where ours differs: the exact mode, --original-decoding.

The released code lets control symbols be predicted anywhere: `</s>`, `<pad>` or the mask symbol may stand inside a
sentence. It masks at least one token after every pass but the last: a sentence of three tokens is worked on in all T
passes. It raises the lengths 0 and 1 to 2: a length may be decoded twice.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fairseq_cmlm.decoding.prediction import Prediction


def any_token(logits: Tensor) -> Prediction:
    """The best of all V tokens at each of M positions; logits (M, V) float32."""
    best, tokens = logits.max(dim=1)
    return Prediction(tokens, best - logits.logsumexp(dim=1))


def any_tokens_but_mask(logits: Tensor, mask: int, size: int) -> Prediction:
    """The `size` best tokens at each of M positions, best first, as (M, size); logits (M, V) float32, written over."""
    normaliser = logits.logsumexp(dim=1, keepdim=True)
    logits[:, mask] = float("-inf")
    best, tokens = logits.topk(min(size, logits.size(1)), dim=1)
    return Prediction(tokens, best - normaliser)


def linear_at_least_one(lengths: Tensor, done: int, total: Tensor) -> Tensor:
    """A MaskSchedule: max(1, N * (1 - t / T)) rounded down, as products of float32, until the last pass."""
    share = (1 - done / total.double()).float()
    count = (lengths.float() * share).long().clamp(min=1)
    return count.masked_fill(total <= done, 0)


def top_lengths_raised(log_probs: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The `size` most probable lengths (B, K) of `log_probs` (B, L), then those below 2 raised to 2; their values."""
    best = log_probs.topk(min(size, log_probs.size(1)), dim=1)
    return best.indices.clamp(min=2), best.values


def lengths_around_raised(gold: Tensor, size: int, longest: int) -> Tensor:
    """The lengths gold - (K-1)//2 ... gold + K//2 as (B, K), cut to 2 ... longest."""
    lengths = gold[:, None] + torch.arange(size, device=gold.device) - (size - 1) // 2
    return lengths.clamp(min=2, max=longest)
