import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.sentence_random import sentence_keys, uniform_numbers
from fairseq_cmlm.training.noising import NOISINGS, Example, random_subset


def example(length: int, width: int, epoch: int = 1, rows: int = 4000) -> Example:
    target = torch.full((rows, width), 1)
    target[:, :length] = 7
    return Example(target, target.ne(1), sentence_keys(1, epoch, torch.arange(rows)), mask=9)


@pytest.mark.parametrize("name", sorted(NOISINGS))
def test_masks_only_text_and_not_the_same_in_two_epochs(name: str) -> None:
    for view, other in zip(NOISINGS[name](example(6, 8)), NOISINGS[name](example(6, 8, epoch=2))):
        assert not view.predict[:, 6:].any() and (view.canvas[:, 6:] == 1).all()
        assert view.predict.equal(other.predict) == (name == "full")


@pytest.mark.parametrize("name", ["uniform", "uniform_original", "full"])
def test_what_is_predicted_is_hidden_and_nothing_else(name: str) -> None:
    (view,) = NOISINGS[name](example(6, 8))
    assert (view.canvas[view.predict] == 9).all() and (view.canvas[~view.predict] != 9).all()


def test_number_of_masks_is_uniform_in_1_to_n() -> None:
    counts = NOISINGS["uniform"](example(5, 5))[0].predict.sum(1).bincount(minlength=6)
    assert counts[0] == 0
    assert ((counts[1:] - 800).abs() < 130).all()  # five standard deviations


def test_number_of_masks_of_the_released_code_is_uniform_in_1_to_n_minus_1() -> None:
    counts = NOISINGS["uniform_original"](example(5, 5))[0].predict.sum(1).bincount(minlength=6)
    assert counts[0] == counts[5] == 0
    assert ((counts[1:5] - 1000).abs() < 140).all()
    assert NOISINGS["uniform_original"](example(1, 1))[0].predict.all()


@pytest.mark.parametrize("length", [1, 5])
def test_full_masks_everything(length: int) -> None:
    (view,) = NOISINGS["full"](example(length, 7, rows=3))
    assert view.predict.sum(1).tolist() == [length] * 3
    assert view.canvas.tolist() == [[9] * length + [1] * (7 - length)] * 3


def test_every_position_is_masked_alike() -> None:
    counts = NOISINGS["uniform"](example(5, 7))[0].predict[:, :5].sum(0)
    assert ((counts - 2400).abs() < 155).all()  # 3 of 5 on average; five standard deviations


@settings(max_examples=200, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=10), st.integers(0, 12), st.integers(0, 10**6))
def test_a_random_subset_has_its_size(fillable: list[bool], count: int, seed: int) -> None:
    numbers = torch.rand(1, len(fillable), generator=torch.Generator().manual_seed(seed))
    subset = random_subset(torch.tensor([fillable]), torch.tensor([count]), numbers)[0]
    assert int(subset.sum()) == min(count, sum(fillable))
    assert not (subset & ~torch.tensor(fillable)).any()


def test_padding_changes_no_mask() -> None:
    narrow, wide = (NOISINGS["uniform"](example(5, width))[0].predict[:, :5] for width in (5, 9))
    assert narrow.equal(wide)


def test_numbers_are_uniform() -> None:
    numbers = uniform_numbers(sentence_keys(3, 1, torch.arange(2000)), 50)
    assert numbers.min() >= 0 and numbers.max() < 1
    assert abs(float(numbers.mean()) - 0.5) < 0.005
    assert numbers.unique().numel() > 0.99 * numbers.numel()


@pytest.mark.parametrize("name", sorted(NOISINGS))
def test_padding_on_the_left_changes_no_mask(name: str) -> None:
    right = example(5, 9)
    left = Example(right.target.flip(1), right.fillable.flip(1), right.keys, right.mask)
    alone = example(5, 5)
    for one, other, view in zip(NOISINGS[name](right), NOISINGS[name](left), NOISINGS[name](alone)):
        assert one.predict[:, :5].equal(view.predict) and other.predict[:, 4:].equal(view.predict)
        assert not other.predict[:, :4].any() and other.canvas[:, 4:].equal(view.canvas)
