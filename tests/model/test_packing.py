from __future__ import annotations

import torch

from fairseq_cmlm.model.packing import packing_of

USED = torch.tensor([[True, True, False], [True, False, True]])


def test_places_are_kept_together_and_put_back() -> None:
    packing = packing_of(USED)
    grid = torch.arange(1.0, 13.0).view(2, 3, 2)
    packed = packing.pack(grid)
    assert packed.tolist() == [[1, 2], [3, 4], [7, 8], [11, 12]]
    assert packing.pad(packed).tolist() == (grid * USED[:, :, None]).tolist()


def test_a_full_grid_is_not_copied() -> None:
    packing = packing_of(torch.ones(2, 3, dtype=torch.bool), number=6)
    grid = torch.rand(2, 3, 4)
    assert packing.places is None
    assert packing.pad(packing.pack(grid)).data_ptr() == grid.data_ptr()
    assert packing.find(torch.tensor([1, 5])).tolist() == [1, 5]


def test_find_gives_places_among_the_used() -> None:
    assert packing_of(USED, number=4).find(torch.tensor([1, 3, 5])).tolist() == [1, 2, 3]
