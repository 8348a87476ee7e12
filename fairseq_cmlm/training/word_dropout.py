"""Word dropout: words of the source that the encoder does not see in training."""

from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor

from fairseq_cmlm.sentence_random import derived_keys, uniform_numbers

_WORDS = -1  # purpose of random numbers; those of the target have positive ones


def without_words(source: Tensor, keys: Tensor, share: float, unknown: int, kept: Sequence[int]) -> Tensor:
    """Return the source (B, S) with each word replaced by `unknown` with probability `share`.

    keys  (B,) int64, random keys of the sentences
    kept  ids of what is no word: padding, `</s>`

    For small data, as whole words are dropped in the Edinburgh systems for WMT16 (Sennrich, Haddow and Birch 2016,
    section 2.3); AMOM and JM-NAT hide words of the source too. The words of a sentence do not depend on its padding.

    >>> source = torch.tensor([[1, 1, 5, 6, 7, 8, 2]])
    >>> without_words(source, torch.tensor([3]), share=0.5, unknown=3, kept=[1, 2]).tolist()
    [[1, 1, 5, 3, 7, 8, 2]]
    """
    words = torch.ones_like(source, dtype=torch.bool)
    for symbol in kept:
        words &= source.ne(symbol)
    numbers = uniform_numbers(derived_keys(keys, _WORDS), source.size(1))
    place = (words.long().cumsum(1) - 1).clamp(min=0)
    return source.masked_fill(words & numbers.gather(1, place).lt(share), unknown)
