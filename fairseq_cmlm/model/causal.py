"""The causal mode of the decoder: each token is predicted from those to its left."""

from __future__ import annotations

import torch
from torch import Tensor


def causal_mask(real: Tensor) -> Tensor:
    """Return the causal mask of real (B, L) bool as (B, 1, L, L): a position sees itself and real ones to its left."""
    left = torch.ones(real.size(1), real.size(1), dtype=torch.bool, device=real.device).tril()
    itself = torch.eye(real.size(1), dtype=torch.bool, device=real.device)
    return (real[:, None, :] & left | itself)[:, None]


def shifted(tokens: Tensor, real: Tensor) -> Tensor:
    """Shift `tokens` (N, T) for the causal mode: each row's last token, `</s>`, comes first, the others follow.

    real  (N, T) bool, no padding

    >>> tokens = torch.tensor([[5, 6, 2, 1], [1, 7, 8, 2]])
    >>> shifted(tokens, tokens.ne(1)).tolist()
    [[2, 5, 6, 1], [1, 2, 7, 8]]
    """
    places = torch.arange(tokens.size(1), device=tokens.device)
    last = tokens.gather(1, (places * real).argmax(dim=1, keepdim=True))
    moved = torch.where(real & (real.cumsum(1) == 1), last, tokens.roll(1, dims=1))
    return torch.where(real, moved, tokens)
