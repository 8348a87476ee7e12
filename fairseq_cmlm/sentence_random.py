"""Random numbers of a sentence, which do not depend on batch, worker, process or device.

Masks drawn from them are the same with any batching and any number of data workers, after a resume, and on CPU and
GPU. Each sentence has a 64-bit key; number j of the sentence is the SplitMix64 output number j of that key (Steele,
Lea, Flood 2014, "Fast splittable pseudorandom number generators").
"""

from __future__ import annotations

import torch
from torch import Tensor


def _signed(value: int) -> int:
    """Return the int64 with the same 64 bits as the unsigned `value`."""
    return value - (1 << 64) if value >= 1 << 63 else value


_GAMMA = _signed(0x9E3779B97F4A7C15)
_MIX_1 = _signed(0xBF58476D1CE4E5B9)
_MIX_2 = _signed(0x94D049BB133111EB)


def _shift_right(x: Tensor, bits: int) -> Tensor:
    """Shift logically: torch's own >> of int64 copies the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mix(x: Tensor) -> Tensor:
    """Apply SplitMix64's finaliser, on int64 with wrap-around."""
    x = (x ^ _shift_right(x, 30)) * _MIX_1
    x = (x ^ _shift_right(x, 27)) * _MIX_2
    return x ^ _shift_right(x, 31)


def sentence_keys(seed: int, epoch: int, sentences: Tensor) -> Tensor:
    """Return one key (B,) int64 for each sentence number in `sentences` (B,) int64, in this epoch and for this seed."""
    key = torch.zeros_like(sentences)
    for part in (seed, epoch):
        key = _mix(key + part + _GAMMA)
    return _mix(key + sentences + _GAMMA)


def text_keys(seed: int, tokens: Tensor, real: Tensor) -> Tensor:
    """Return one key (B,) int64 for each text, which depends only on its content, not on batch or order.

    tokens, real  (B, S) int64 and bool
    """
    keys = torch.full_like(tokens[:, 0], seed)
    for token, there in zip(tokens.T, real.T):
        keys = torch.where(there, _mix(keys + token + _GAMMA), keys)
    return keys


def derived_keys(keys: Tensor, number: int) -> Tensor:
    """Derive keys (B,) for purpose or pass `number` from `keys` (B,)."""
    return _mix(keys ^ _mix(torch.full_like(keys, number) + _GAMMA))


def uniform_numbers(keys: Tensor, size: int) -> Tensor:
    """Return the first `size` numbers of each key (B,), uniform in [0, 1), as (B, size) float32 in steps of 2^-24.

    Number j does not depend on `size`, so padding a batch changes nothing.
    """
    counter = torch.arange(1, size + 1, device=keys.device)
    bits = _mix(keys[:, None] + counter * _GAMMA)
    return _shift_right(bits, 40).to(torch.float32) * 2.0**-24


def stratified_counts(keys: Tensor, number: int, sizes: Tensor) -> Tensor:
    """Draw `number` counts for each key (B,), one in each of as many equal parts of 1..size.

    The sizes (B,) and the counts (B, number) are int64. The mean of f(count) over the counts is an unbiased estimate of
    the mean of f over 1..size.

    >>> stratified_counts(torch.tensor([7]), 3, torch.tensor([3])).tolist()
    [[1, 2, 3]]
    """
    shares = (torch.arange(number, device=keys.device) + uniform_numbers(keys, number)) / number
    sizes = sizes[:, None]
    return torch.minimum(1 + (shares * sizes).long(), sizes)
