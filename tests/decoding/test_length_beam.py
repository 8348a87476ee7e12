from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.decoding.length_beam import lengths_around, top_lengths

IMPOSSIBLE = float("-inf")


def test_most_probable_first_and_never_below_the_minimum() -> None:
    log_probs = torch.tensor([[IMPOSSIBLE, 0.5, 0.1, 0.3, 0.2]])
    lengths, values = top_lengths(log_probs, 3, torch.tensor([2]))
    assert lengths.tolist() == [[3, 4, 2]]
    assert values[0, 0] == log_probs[0, 3]


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(1, 9), st.integers(1, 12), st.integers(1, 2))
def test_against_sorting(data: st.DataObject, longest: int, size: int, minimum: int) -> None:
    numbers = data.draw(st.permutations(range(longest)))
    log_probs = torch.tensor([[IMPOSSIBLE, *(-float(number) for number in numbers)]])
    lengths, values = top_lengths(log_probs, size, torch.tensor([minimum]))
    order = sorted(range(1, longest + 1), key=lambda length: numbers[length - 1])
    expected = [length for length in order if length >= minimum][:size]
    possible = values[0].isfinite()
    assert lengths[0][possible].tolist() == expected, "the most probable allowed lengths, none twice"
    assert possible.tolist() == sorted(possible.tolist(), reverse=True), "what is impossible comes last"
    assert (lengths >= 1).all() and lengths.size(1) == min(size, longest)


def test_window_is_moved_not_cut() -> None:
    assert lengths_around(torch.tensor([5, 1, 9]), 4, 9).tolist() == [[4, 5, 6, 7], [1, 2, 3, 4], [6, 7, 8, 9]]


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(0, 20))
def test_the_window_holds_the_gold_length(gold: int, size: int, room: int) -> None:
    window = lengths_around(torch.tensor([gold]), size, gold + room)[0].tolist()
    assert gold in window
    assert window == list(range(window[0], window[0] + min(size, gold + room)))
    assert window[0] >= 1 and window[-1] <= gold + room
