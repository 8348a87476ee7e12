"""Packing: the states of real positions kept together, so that only attention sees padding."""

from __future__ import annotations

from typing import NamedTuple, Optional

import torch
from torch import Tensor

from fairseq_cmlm.shapes import spare_rows


class Packing(NamedTuple):
    """R places of a grid of N rows by T columns, and perhaps spare ones, which hold anything.

    places  (R + spare,) int64 into the flattened (N * T), ascending up to the spare ones, which are 0; None where the
            grid is full, R = N * T
    spare   how many places are computed for nothing, so that their number is one of few
    """

    places: Optional[Tensor]
    rows: int
    columns: int
    spare: int = 0

    @property
    def real(self) -> Optional[Tensor]:
        """The places (R,) that are not spare; None where the grid is full."""
        return self.places if self.places is None else self.places[: len(self.places) - self.spare]

    def pack(self, grid: Tensor) -> Tensor:
        """Grid (N, T, ...) -> (R + spare, ...)"""
        flat = grid.flatten(0, 1)
        return flat if self.places is None else flat.index_select(0, self.places)

    def pad(self, packed: Tensor) -> Tensor:
        """Packed (R + spare, C) -> (N, T, C), zero elsewhere"""
        real = self.real
        if real is not None:
            zeros = packed.new_zeros(self.rows * self.columns, packed.size(1))
            packed = zeros.index_copy_(0, real, packed[: len(real)])
        return packed.view(self.rows, self.columns, -1)

    def find(self, places: Tensor) -> Tensor:
        """Where the flat `places` (M,) of the grid, each of which is in use, lie among the R, as (M,)."""
        real = self.real
        return places if real is None else torch.searchsorted(real, places)


def packing_of(used: Tensor, number: Optional[int] = None) -> Packing:
    """The places where `used` (N, T) bool is true.

    number  of such places; without it the host waits for the device to count them
    """
    rows, columns = used.shape
    number = int(used.sum()) if number is None else number
    spare = spare_rows(number, used.device)
    if number == rows * columns and not spare:
        return Packing(None, rows, columns)
    places = torch.nonzero_static(used.flatten(), size=number + spare, fill_value=0).squeeze(1)
    return Packing(places, rows, columns, spare)
