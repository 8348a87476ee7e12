"""Few shapes: round up numbers of rows and columns where a CPU computes in lower precision.

There oneDNN compiles a kernel for each new shape of a product, which takes a quarter of the time of a training in which
every batch has new shapes, and most of its memory.
"""

from __future__ import annotations

import torch

VECTOR = 16  # float32 numbers in a processor's widest register


def is_reduced(device: torch.device) -> bool:
    """Return whether a CPU computes in lower precision, which is to say under torch's autocast (only in training)."""
    return device.type == "cpu" and torch.is_autocast_enabled("cpu")


def spare_rows(number: int, device: torch.device) -> int:
    """Return how many rows to add to `number`: none but in lower precision on a CPU.

    Rounding up leaves 16 different numbers of rows between n and 2 n.

    >>> with torch.autocast("cpu", torch.bfloat16):
    ...     [number + spare_rows(number, torch.device("cpu")) for number in (7, 40, 1001, 1024)]
    [7, 40, 1024, 1024]
    """
    return -number % (1 << max(number.bit_length() - 5, 0)) if is_reduced(device) else 0


def spare_columns(number: int, device: torch.device) -> int:
    """Return how many columns to add to `number` to fill whole vectors: none but in lower precision on a CPU.

    >>> with torch.autocast("cpu", torch.bfloat16):
    ...     spare_columns(30, torch.device("cpu"))
    2
    """
    return -number % VECTOR if is_reduced(device) else 0
