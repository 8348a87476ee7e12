"""Packing: the states of real positions kept together, so that only attention sees padding."""

from __future__ import annotations

from typing import NamedTuple, Optional

import torch
from torch import Tensor


class Packing(NamedTuple):
    """R places of a grid of N rows by T columns.

    places  (R,) int64 into the flattened (N * T), ascending; None where the grid is full, R = N * T
    """

    places: Optional[Tensor]
    rows: int
    columns: int

    def pack(self, grid: Tensor) -> Tensor:
        """Grid (N, T, ...) -> (R, ...)"""
        flat = grid.flatten(0, 1)
        return flat if self.places is None else flat[self.places]

    def pad(self, packed: Tensor) -> Tensor:
        """Packed (R, C) -> (N, T, C), zero elsewhere"""
        if self.places is not None:
            zeros = packed.new_zeros(self.rows * self.columns, packed.size(1))
            packed = zeros.index_copy_(0, self.places, packed)
        return packed.view(self.rows, self.columns, -1)

    def find(self, places: Tensor) -> Tensor:
        """Where the flat `places` (M,) of the grid, each of which is in use, lie among the R, as (M,)."""
        return places if self.places is None else torch.searchsorted(self.places, places)


def packing_of(used: Tensor, number: Optional[int] = None) -> Packing:
    """The places where `used` (N, T) bool is true.

    number  of such places; without it the host waits for the device to count them
    """
    rows, columns = used.shape
    number = int(used.sum()) if number is None else number
    full = number == rows * columns
    places = None if full else torch.nonzero_static(used.flatten(), size=number).squeeze(1)
    return Packing(places, rows, columns)
