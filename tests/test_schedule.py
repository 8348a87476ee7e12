import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.schedule import SCHEDULES, cosine, linear, remasked_count, trained_count


@pytest.mark.parametrize(
    ("length", "total", "counts"),
    [(10, 10, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]), (3, 4, [2, 1, 0, 0]), (7, 1, [0]), (10, 4, [7, 5, 2, 0])],
)
def test_linear(length: int, total: int, counts: list[int]) -> None:
    found = [
        int(remasked_count(linear, torch.tensor([length]), done, torch.tensor([total]))) for done in range(1, total + 1)
    ]
    assert found == counts


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_never_rises_and_ends_at_zero(name: str) -> None:
    lengths = torch.arange(1, 200)
    for total in range(1, 15):
        totals = torch.full_like(lengths, total)
        before = lengths
        for done in range(1, total + 1):
            count = remasked_count(SCHEDULES[name], lengths, done, totals)
            assert (count <= before).all()
            before = count
        assert (before == 0).all()


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 2000), st.integers(1, 2000), st.data())
def test_linear_is_exact(length: int, total: int, data: st.DataObject) -> None:
    done = data.draw(st.integers(1, total))
    expected = math.floor(Fraction(length * (total - done), total))
    assert int(remasked_count(linear, torch.tensor([length]), done, torch.tensor([total]))) == expected


def test_cosine_keeps_more_masked_than_linear_until_the_end() -> None:
    lengths, totals = torch.tensor([10]), torch.tensor([10])
    counts = [int(remasked_count(cosine, lengths, done, totals)) for done in range(1, 11)]
    assert counts == [math.floor(10 * math.cos(done * math.pi / 20) + 1e-9) for done in range(1, 11)]
    assert counts == [9, 9, 8, 8, 7, 5, 4, 3, 1, 0]


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_training_masks_what_decoding_will_read(name: str) -> None:
    numbers = (torch.arange(1000) + 0.5) / 1000
    counts = trained_count(SCHEDULES[name], numbers, torch.full((1000,), 8))
    assert counts.min() == 1 and counts.max() == 8
    # The share of sentences with at least k masked is the share of the time for which m(t) > (k - 1) / 8.
    for k in range(1, 9):
        expected = float((SCHEDULES[name](numbers) > (k - 1) / 8).float().mean())
        assert float((counts >= k).float().mean()) == pytest.approx(expected, abs=0.01)


def test_the_linear_schedule_draws_as_the_paper_does_bit_by_bit() -> None:
    numbers = torch.arange(0, 2**24, 997, dtype=torch.int64).float() * 2.0**-24
    for most in (1, 7, 40, 255):
        wanted = torch.minimum(1 + (numbers * most).long(), torch.tensor(most))
        assert trained_count(linear, numbers, torch.full(numbers.shape, most)).equal(wanted)
