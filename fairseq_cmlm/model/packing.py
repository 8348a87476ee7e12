"""Packing: keep only the states of real positions, so that nothing but attention computes padding."""

from __future__ import annotations

from typing import NamedTuple, Optional

import torch
from torch import Tensor

from fairseq_cmlm.shapes import is_reduced, spare_rows


class Packing(NamedTuple):
    """R places of a grid of N rows by T columns, and spare ones whose content does not matter.

    places  (R + spare,) int64 into the flattened (N * T), ascending up to the spare ones, which are 0; None where the
            grid is full, R = N * T
    spare   how many extra places are computed, so that only few different shapes occur
    """

    places: Optional[Tensor]
    rows: int
    columns: int
    spare: int = 0

    @property
    def real(self) -> Optional[Tensor]:
        """Return the places (R,) that are not spare; None where the grid is full."""
        return self.places if self.places is None else self.places[: len(self.places) - self.spare]

    def pack(self, grid: Tensor) -> Tensor:
        """Pack a grid (N, T, ...) into (R + spare, ...)."""
        flat = grid.flatten(0, 1)
        return flat if self.places is None else flat.index_select(0, self.places)

    def pad(self, packed: Tensor) -> Tensor:
        """Unpack (R + spare, C) into (N, T, C), zero elsewhere."""
        real = self.real
        if real is not None:
            zeros = packed.new_zeros(self.rows * self.columns, packed.size(1))
            packed = zeros.index_copy_(0, real, packed[: len(real)])
        return packed.view(self.rows, self.columns, -1)

    def at(self, places: Tensor) -> Packing:
        """Return the packing of other places of the grid: `places`, ascending up to spare ones, which are 0.

        Spare places that counted as real would all be written to place 0, which would get the gradient of each.
        """
        # Where none can be spare, no device is waited for.
        spare = int(places[1:].eq(0).sum()) if is_reduced(places.device) else 0
        return self._replace(places=places, spare=spare)

    def find(self, places: Tensor) -> Tensor:
        """Return where the flat `places` (M,) of the grid lie among the R packed ones, as (M,)."""
        real = self.real
        return places if real is None else torch.searchsorted(real, places)


def packing_of(used: Tensor, number: Optional[int] = None) -> Packing:
    """Return the packing of the places where `used` (N, T) bool is true.

    number  how many there are; without it the host waits for the device to count them
    """
    rows, columns = used.shape
    number = int(used.sum()) if number is None else number
    spare = spare_rows(number, used.device)
    if number == rows * columns and not spare:
        return Packing(None, rows, columns)
    places = torch.nonzero_static(used.flatten(), size=number + spare, fill_value=0).squeeze(1)
    return Packing(places, rows, columns, spare)
