from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.decoding.lengths import (
    LengthCandidates,
    around_gold,
    as_log_probs,
    length_log_probs,
    predicted,
    scaled,
)

IMPOSSIBLE = float("-inf")


FULL = torch.tensor([False])


def test_most_probable_first_and_never_the_end_symbol_alone() -> None:
    log_probs = torch.tensor([[IMPOSSIBLE, 0.5, 0.1, 0.3, 0.2]])
    found = predicted(log_probs, 3, FULL)
    assert found.lengths.tolist() == [[3, 4, 2]]
    assert found.log_probs[0, 0] == log_probs[0, 3]


def test_nothing_is_translated_by_nothing_and_costs_nothing() -> None:
    log_probs = torch.tensor([[IMPOSSIBLE, -5.0, -0.1, -0.3, -0.2]] * 2)
    found = predicted(log_probs, 3, torch.tensor([True, False]))
    # What is no candidate has the length of the one that is: it would be decoded in full otherwise.
    assert found.lengths.tolist() == [[1, 1, 1], [2, 4, 3]]
    assert found.log_probs[0].tolist() == [-5.0, IMPOSSIBLE, IMPOSSIBLE]


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(2, 9), st.integers(1, 12))
def test_against_sorting(data: st.DataObject, longest: int, size: int) -> None:
    numbers = data.draw(st.permutations(range(longest)))
    log_probs = torch.tensor([[IMPOSSIBLE, *(-float(number) for number in numbers)]])
    lengths, values = predicted(log_probs, size, FULL)
    order = sorted(range(2, longest + 1), key=lambda length: numbers[length - 1])
    possible = values[0].isfinite()
    assert lengths[0][possible].tolist() == order[:size], "the most probable allowed lengths, none twice"
    assert possible.tolist() == sorted(possible.tolist(), reverse=True), "what is impossible comes last"
    assert (lengths[0][~possible] == lengths[0, 0]).all() and lengths.size(1) == min(size, longest)


def test_the_length_0_is_impossible() -> None:
    log_probs = length_log_probs(torch.tensor([[9.0, 1.0, 2.0]]))
    assert log_probs[0, 0] == IMPOSSIBLE
    assert log_probs[0, 1:].allclose(torch.tensor([1.0, 2.0]).log_softmax(0))


def test_candidates_as_probabilities_by_length() -> None:
    candidates = LengthCandidates(torch.tensor([[3, 1, 3]]), torch.tensor([[-0.5, -1.0, IMPOSSIBLE]]))
    assert as_log_probs(candidates, 4).tolist() == [[IMPOSSIBLE, -1.0, IMPOSSIBLE, -0.5, IMPOSSIBLE]]


def test_window_is_moved_not_cut() -> None:
    assert around_gold(torch.tensor([5, 1, 9]), 4, 9).lengths.tolist() == [[4, 5, 6, 7], [1, 2, 3, 4], [6, 7, 8, 9]]


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(0, 20))
def test_the_window_holds_the_gold_length(gold: int, size: int, room: int) -> None:
    window = around_gold(torch.tensor([gold]), size, gold + room).lengths[0].tolist()
    assert gold in window
    assert window == list(range(window[0], window[0] + min(size, gold + room)))
    assert window[0] >= 1 and window[-1] <= gold + room


@settings(deadline=None, max_examples=50)
@given(scale=st.floats(0.2, 4), seed=st.integers(0, 99))
def test_scaled_lengths(scale: float, seed: int) -> None:
    logits = torch.randn(2, 60, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    short = torch.arange(60) > 12
    log_probs = length_log_probs(logits.masked_fill(short, IMPOSSIBLE)).double()
    found = scaled(log_probs, scale).exp()
    assert found[:, 0].eq(0).all() and found.sum(1).allclose(torch.ones(2, dtype=torch.double))
    # The mean grows with the scale, but for what the length 1 keeps of lengths below 1/2.
    before, after = ((probs * (torch.arange(60) - 1)).sum(1) for probs in (log_probs.exp(), found))
    assert (after - scale * before).abs().max() < 0.3


def test_lengths_that_are_not_scaled_are_the_same() -> None:
    log_probs = torch.randn(2, 9).log_softmax(1)
    assert scaled(log_probs, 1.0) is log_probs
    # What does not fit is as long as can be.
    assert scaled(torch.tensor([[0.0, 0.0, 0.0, 1.0]]).log(), 9.0).exp().tolist() == [[0.0, 0.0, 0.0, 1.0]]
