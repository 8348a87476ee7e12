import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fairseq_cmlm.sentence_random import sentence_keys, uniform_numbers
from fairseq_cmlm.training.noising import NOISINGS, Example, random_subset


def example(length: int, width: int, epoch: int = 1, rows: int = 4000) -> Example:
    target = torch.full((rows, width), 1)
    target[:, :length] = 7
    source = target.masked_fill(target.ne(1), 6)
    keys = sentence_keys(1, epoch, torch.arange(rows))
    return Example(target, target.ne(1), keys, mask=9, source=source, readable=source.ne(1))


@pytest.mark.parametrize("name", sorted(NOISINGS))
def test_masks_only_text_and_not_the_same_in_two_epochs(name: str) -> None:
    for view, other in zip(NOISINGS[name].views(example(6, 8)), NOISINGS[name].views(example(6, 8, epoch=2))):
        assert not view.predict[:, 6:].any() and (view.canvas[:, 6:] == 1).all()
        assert view.predict.equal(other.predict) == (name == "full")


@pytest.mark.parametrize("name", sorted(NOISINGS))
def test_what_is_predicted_is_hidden_and_nothing_else(name: str) -> None:
    (view,) = NOISINGS[name].views(example(6, 8))
    assert (view.canvas[view.predict] == 9).all() and (view.canvas[~view.predict] != 9).all()


def test_number_of_masks_is_uniform_in_1_to_n() -> None:
    counts = NOISINGS["uniform"].views(example(5, 5))[0].predict.sum(1).bincount(minlength=6)
    assert counts[0] == 0
    assert ((counts[1:] - 800).abs() < 130).all()  # five standard deviations


def test_number_of_masks_of_the_released_code_is_uniform_in_1_to_n_minus_1() -> None:
    counts = NOISINGS["uniform_original"].views(example(5, 5))[0].predict.sum(1).bincount(minlength=6)
    assert counts[0] == counts[5] == 0
    assert ((counts[1:5] - 1000).abs() < 140).all()
    assert NOISINGS["uniform_original"].views(example(1, 1))[0].predict.all()


@pytest.mark.parametrize("length", [1, 5])
def test_full_masks_everything(length: int) -> None:
    (view,) = NOISINGS["full"].views(example(length, 7, rows=3))
    assert view.predict.sum(1).tolist() == [length] * 3
    assert view.canvas.tolist() == [[9] * length + [1] * (7 - length)] * 3


@pytest.mark.parametrize(
    ("source", "target", "may"),
    [
        ([5, 4, 8, 2], [5, 6, 7, 8, 2], {1, 2}),
        ([4, 8, 2], [7, 7, 8, 2], {0, 1}),
        ([5, 4, 8, 4, 2], [5, 6, 8, 6, 6, 2], {1, 2, 3, 4}),  # two gaps, and what stands between them
        ([5, 4, 2], [5, 5, 5, 2], {1, 2}),
        ([5, 5, 6, 2], [5, 6, 2], {0, 1, 2}),  # nothing is missing
        ([5, 6, 2], [5, 6, 2], {0, 1, 2}),
    ],
)
@pytest.mark.parametrize("left", [True, False], ids=["padding on the left", "padding on the right"])
def test_half_of_the_sentences_are_masked_where_the_source_differs(
    source: list[int], target: list[int], may: set[int], left: bool
) -> None:
    def padded(tokens: list[int], width: int) -> Tensor:
        padding = [1] * (width - len(tokens))
        return torch.tensor([padding + tokens if left else tokens + padding] * 2000)

    read, written = padded(source, 6), padded(target, 8)
    keys = sentence_keys(1, 1, torch.arange(2000))
    example = Example(written, written.ne(1), keys, mask=9, source=read, readable=read.ne(1))
    (view,) = NOISINGS["changed"].views(example)
    masked = [set(row.nonzero().squeeze(1).tolist()) for row in view.predict[:, written[0].ne(1)]]
    elsewhere = sum(not one <= may for one in masked)
    everything = len(may) == len(target)
    assert all(masked) and set().union(*masked) == set(range(len(target)))
    assert elsewhere == 0 if everything else 500 < elsewhere < 1050


def test_every_position_is_masked_alike() -> None:
    counts = NOISINGS["uniform"].views(example(5, 7))[0].predict[:, :5].sum(0)
    assert ((counts - 2400).abs() < 155).all()  # 3 of 5 on average; five standard deviations


@settings(max_examples=200, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=10), st.integers(0, 12), st.integers(0, 10**6))
def test_a_random_subset_has_its_size(fillable: list[bool], count: int, seed: int) -> None:
    numbers = torch.rand(1, len(fillable), generator=torch.Generator().manual_seed(seed))
    subset = random_subset(torch.tensor([fillable]), torch.tensor([count]), numbers)[0]
    assert int(subset.sum()) == min(count, sum(fillable))
    assert not (subset & ~torch.tensor(fillable)).any()


def test_padding_changes_no_mask() -> None:
    narrow, wide = (NOISINGS["uniform"].views(example(5, width))[0].predict[:, :5] for width in (5, 9))
    assert narrow.equal(wide)


def test_numbers_are_uniform() -> None:
    numbers = uniform_numbers(sentence_keys(3, 1, torch.arange(2000)), 50)
    assert numbers.min() >= 0 and numbers.max() < 1
    assert abs(float(numbers.mean()) - 0.5) < 0.005
    assert numbers.unique().numel() > 0.99 * numbers.numel()


@pytest.mark.parametrize("name", sorted(NOISINGS))
def test_padding_on_the_left_changes_no_mask(name: str) -> None:
    right = example(5, 9)
    assert right.source is not None and right.readable is not None
    target, fillable, source, readable = (
        one.flip(1) for one in (right.target, right.fillable, right.source, right.readable)
    )
    left = Example(target, fillable, right.keys, right.mask, source=source, readable=readable)
    alone = example(5, 5)
    for one, other, view in zip(NOISINGS[name].views(right), NOISINGS[name].views(left), NOISINGS[name].views(alone)):
        assert one.predict[:, :5].equal(view.predict) and other.predict[:, 4:].equal(view.predict)
        assert not other.predict[:, :4].any() and other.canvas[:, 4:].equal(view.canvas)
