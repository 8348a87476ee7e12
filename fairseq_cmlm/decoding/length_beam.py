"""The length beam: which target lengths are decoded (paper, section 3.3). Lengths are in tokens and count `</s>`."""

from __future__ import annotations

import torch
from torch import Tensor


def top_lengths(log_probs: Tensor, size: int, minimum: Tensor) -> tuple[Tensor, Tensor]:
    """The `size` most probable lengths of each sentence, most probable first, none twice.

    log_probs  (B, L) float, natural log; the index is the length
    minimum    (B,) int64, the least length allowed
    returns    lengths (B, K) int64 and their log-probabilities (B, K), K = min(size, lengths allowed)

    A sentence with fewer allowed lengths than K gets its rest at a log-probability of -inf. The released code raises 0
    and 1 to 2 afterwards instead, and may decode the length 2 twice.
    """
    lengths = torch.arange(log_probs.size(1), device=log_probs.device)
    allowed = log_probs.masked_fill(lengths < minimum[:, None], float("-inf"))
    best = allowed.topk(min(size, log_probs.size(1) - 1), dim=1)
    return best.indices.clamp(min=1), best.values


def lengths_around(gold: Tensor, size: int, longest: int) -> Tensor:
    """K = `size` successive lengths around `gold` (B,), as (B, K): gold - (K-1)//2 ... gold + K//2.

    The window is moved into 1 ... longest, never cut. For K = 1 it is the gold length itself.
    """
    size = min(size, longest)
    first = (gold - (size - 1) // 2).clamp(min=1, max=longest - size + 1)
    return first[:, None] + torch.arange(size, device=gold.device)
