import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.decoding.mask_schedule import MASK_SCHEDULES, linear


@pytest.mark.parametrize(
    ("length", "total", "counts"),
    [(10, 10, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]), (3, 4, [2, 1, 0, 0]), (7, 1, [0]), (10, 4, [7, 5, 2, 0])],
)
def test_linear(length: int, total: int, counts: list[int]) -> None:
    found = [int(linear(torch.tensor([length]), done, torch.tensor([total]))) for done in range(1, total + 1)]
    assert found == counts


@pytest.mark.parametrize("name", sorted(MASK_SCHEDULES))
def test_never_rises_and_ends_at_zero(name: str) -> None:
    lengths = torch.arange(1, 200)
    for total in range(1, 15):
        totals = torch.full_like(lengths, total)
        before = lengths
        for done in range(1, total + 1):
            count = MASK_SCHEDULES[name](lengths, done, totals)
            assert (count <= before).all()
            before = count
        assert (before == 0).all()


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 2000), st.integers(1, 2000), st.data())
def test_linear_is_exact(length: int, total: int, data: st.DataObject) -> None:
    done = data.draw(st.integers(1, total))
    expected = math.floor(Fraction(length * (total - done), total))
    assert int(linear(torch.tensor([length]), done, torch.tensor([total]))) == expected
