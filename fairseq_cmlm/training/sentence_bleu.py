"""BLEU of single sentences, as a function of token ids on any device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_ORDERS = 4


def sentence_bleu(found: Tensor, target: Tensor, real: Tensor) -> Tensor:
    """Compute the BLEU, 0 to 1, of sentences that are as long as their references, as (B,) float32.

    found, target  (B, T) int64, the tokens
    real           (B, T) bool, true except at padding

    1 is added to the counts of n-grams of two words and more (Lin and Och, COLING 2004), as sacreBLEU's add-k does.

    >>> target = torch.tensor([[5, 6, 7, 8, 2]])
    >>> sentence_bleu(target, target, target.ne(1)).tolist()
    [1.0]
    """
    both = real[:, :, None] & real[:, None, :]
    words = [found[:, :, None].eq(other[:, None, :]) & both for other in (found, target)]
    own, reference = words
    total = torch.zeros(len(found), device=found.device)
    for order in range(_ORDERS):
        # An n-gram that occurs c times here and r times in the reference counts as min(1, r / c) matches each time.
        share = reference.sum(2) / own.sum(2).clamp(min=1)
        matches, number = share.clamp(max=1).sum(1), (real.sum(1) - order).clamp(min=0)
        added = min(order, 1)
        total += ((matches + added) / (number + added)).log()
        # Two n-grams are equal if their first words are equal and the n-1-grams after these are.
        own, reference = (one & functional.pad(of[:, 1:, 1:], (0, 1, 0, 1)) for one, of in zip(words, (own, reference)))
    return (total / _ORDERS).exp()
