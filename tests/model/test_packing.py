from __future__ import annotations

import pytest
import torch

from fairseq_cmlm.model import packing
from fairseq_cmlm.model.packing import packing_of

USED = torch.tensor([[True, True, False], [True, False, True]])


def test_places_are_kept_together_and_put_back() -> None:
    found = packing_of(USED)
    grid = torch.arange(1.0, 13.0).view(2, 3, 2)
    packed = found.pack(grid)
    assert packed.tolist() == [[1, 2], [3, 4], [7, 8], [11, 12]]
    assert found.pad(packed).tolist() == (grid * USED[:, :, None]).tolist()


def test_a_full_grid_is_not_copied() -> None:
    found = packing_of(torch.ones(2, 3, dtype=torch.bool), number=6)
    grid = torch.rand(2, 3, 4)
    assert found.places is None
    assert found.pad(found.pack(grid)).data_ptr() == grid.data_ptr()
    assert found.find(torch.tensor([1, 5])).tolist() == [1, 5]


def test_find_gives_places_among_the_used() -> None:
    assert packing_of(USED, number=4).find(torch.tensor([1, 3, 5])).tolist() == [1, 2, 3]


def test_spare_rows_are_dropped_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "spare_rows", lambda number, device: 3)
    for used, places in ((USED, [0, 1, 3, 5]), (torch.ones(2, 3, dtype=torch.bool), [0, 1, 2, 3, 4, 5])):
        found = packing_of(used)
        grid = torch.arange(1.0, 13.0).view(2, 3, 2)
        packed = found.pack(grid)
        assert packed.shape == (len(places) + 3, 2)
        assert found.pad(packed).equal(grid * used[:, :, None])
        assert found.find(torch.tensor(places)).tolist() == list(range(len(places)))
