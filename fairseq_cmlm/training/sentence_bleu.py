"""BLEU of single sentences as a function of token ids, without leaving the device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_ORDERS = 4


def sentence_bleu(found: Tensor, target: Tensor, real: Tensor) -> Tensor:
    """Compute the BLEU, 0 to 1, of sentences that are as long as their references, as (B,) float32.

    found, target  (B, T) int64, the tokens
    real           (B, T) bool, where they are no padding

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
        # Of c equal n-grams of the sentence each is min(1, r / c) of a match if the reference has r of them.
        share = reference.sum(2) / own.sum(2).clamp(min=1)
        matches, number = share.clamp(max=1).sum(1), (real.sum(1) - order).clamp(min=0)
        added = min(order, 1)
        total += ((matches + added) / (number + added)).log()
        # Two n-grams are equal if their first words are, and the n-grams that begin behind those.
        own, reference = (one & functional.pad(of[:, 1:, 1:], (0, 1, 0, 1)) for one, of in zip(words, (own, reference)))
    return (total / _ORDERS).exp()
