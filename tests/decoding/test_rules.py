from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.rules import OURS, RELEASED
from fairseq_cmlm.decoding.tokens import ANY_WORD, END, Symbols, most_probable, most_probable_few
from fairseq_cmlm.schedule import linear

IMPOSSIBLE = float("-inf")


SYMBOLS = Symbols(bos=0, pad=1, eos=2, mask=3)


def test_any_symbol_may_be_predicted() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0, 2.0], [1.0, 0.0, 0.0, 5.0]])
    found = most_probable([logits.clone()], torch.tensor([ANY_WORD, ANY_WORD]), RELEASED.allowed(SYMBOLS))
    assert found.tokens.tolist() == [1, 3]
    assert found.log_probs.allclose(logits.log_softmax(1)[[0, 1], [1, 3]])
    assert fully_masked(torch.tensor([3]), 1, RELEASED.last_set).sets.tolist() == [[ANY_WORD] * 3]
    assert fully_masked(torch.tensor([3]), 1, OURS.last_set).sets.tolist() == [[ANY_WORD, ANY_WORD, END]]


def test_the_mask_takes_its_share_but_no_place() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0, 2.0], [1.0, 0.5, 0.0, 5.0]])
    found = most_probable_few(logits.clone(), torch.tensor([0, 0]), RELEASED.allowed_in_search(SYMBOLS), 2)
    assert found.tokens.tolist() == [[1, 2], [0, 1]]
    assert found.log_probs.allclose(logits.log_softmax(1).gather(1, found.tokens))


def count(lengths: Tensor, done: int, totals: Tensor) -> Tensor:
    return RELEASED.remasked_count(linear, lengths, done, totals)


@pytest.mark.parametrize(
    ("length", "total", "counts"),
    [
        (10, 10, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        (3, 5, [2, 1, 1, 1, 0]),
        (2, 4, [1, 1, 1, 0]),
        (7, 1, [0]),
        (108, 12, [99, 90, 81, 72, 62, 54, 45, 36, 27, 18, 9, 0]),  # 108 * 7 / 12 is 63, but not in float32
    ],
)
def test_at_least_one_until_the_last_pass(length: int, total: int, counts: list[int]) -> None:
    lengths, totals = torch.tensor([length]), torch.tensor([total])
    assert [int(count(lengths, done, totals)) for done in range(1, total + 1)] == counts


def test_the_count_is_a_product_of_float32() -> None:
    lengths = torch.arange(1, 300)
    for total in range(1, 30):
        for done in range(1, total):
            found = count(lengths, done, torch.full_like(lengths, total))
            expected = [max(1, int(np.float32(n) * np.float32(1 - done / total))) for n in lengths.tolist()]
            assert found.tolist() == expected, (done, total)


def test_rows_of_their_own_number_of_passes() -> None:
    counts = count(torch.tensor([8, 8, 8]), 2, torch.tensor([2, 4, 1]))
    assert counts.tolist() == [0, 4, 0]


def test_lengths_below_2_are_raised_and_may_come_twice() -> None:
    log_probs = torch.tensor([[IMPOSSIBLE, -0.1, -0.2, -0.3], [IMPOSSIBLE, -3.0, -2.0, -1.0]])
    lengths, values = RELEASED.predicted(log_probs, 3, torch.tensor([False, False]))
    assert lengths.tolist() == [[2, 2, 3], [3, 2, 2]]
    assert values.allclose(torch.tensor([[-0.1, -0.2, -0.3], [-1.0, -2.0, -3.0]]))


@pytest.mark.parametrize(
    ("size", "expected"), [(1, [[5], [2]]), (3, [[4, 5, 6], [2, 2, 2]]), (4, [[4, 5, 6, 7], [2, 2, 2, 3]])]
)
def test_lengths_around_the_gold_one(size: int, expected: list[list[int]]) -> None:
    assert RELEASED.around_gold(torch.tensor([5, 1]), size, 9).lengths.tolist() == expected
    assert int(RELEASED.around_gold(torch.tensor([8]), size, 8).lengths.max()) == 8
