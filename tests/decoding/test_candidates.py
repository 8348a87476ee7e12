import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.decoding.candidates import Halving, best_first, length_bonus, mean_log_probability

EVERY = torch.ones(9, dtype=torch.bool)


def test_the_mean_leaves_out_padding() -> None:
    log_probs = torch.tensor([[-1.0, -2.0, -6.0], [-1.0, -3.0, -50.0]])
    fillable = torch.tensor([[True, True, True], [True, True, False]])
    assert mean_log_probability(log_probs, fillable, fillable).tolist() == [-3.0, -2.0]


def test_the_first_of_equals_is_best() -> None:
    scores = torch.tensor([[-2.0, -1.0, -1.0], [-1.0, float("-inf"), -0.5]])
    assert best_first(scores).tolist() == [[1, 2, 0], [2, 0, 1]]


def test_the_length_bonus() -> None:
    log_probs, lengths = torch.tensor([[-1.0, -4.0, float("-inf")]]), torch.tensor([[2, 8, 3]])
    assert length_bonus(log_probs, lengths, 3.0).tolist() == [[-1.5, -1.5, float("-inf")]]
    assert length_bonus(log_probs, lengths, 0.0).tolist() == [[0, 0, float("-inf")]]


@pytest.mark.parametrize(
    ("candidates", "every", "expected"),
    [(5, 1, [5, 3, 2, 1, 1]), (5, 2, [5, 5, 3, 3, 2, 2, 1]), (1, 1, [1, 1]), (8, 3, [8, 8, 8, 4])],
)
def test_places_are_halved_rounding_up(candidates: int, every: int, expected: list[int]) -> None:
    halving = Halving(torch.zeros(2, candidates), every, candidates)
    assert [halving.places(done) for done in range(len(expected))] == expected


def test_the_worst_of_each_sentence_are_given_up() -> None:
    scores = torch.tensor([-3.0, -1.0, -2.0, -1.0, -1.0, -9.0])
    halving = Halving(torch.zeros(2, 3), every=1, candidates=3)
    assert halving.given_up(scores, EVERY[: len(scores)], done=1).tolist() == [
        True,
        False,
        False,
        False,
        False,
        True,
    ]
    # Among equals the earlier candidate stays.
    assert halving.given_up(scores, EVERY[: len(scores)], done=2).tolist() == [
        True,
        False,
        True,
        False,
        True,
        True,
    ]


def test_a_bonus_decides_and_what_is_no_candidate_is_given_up() -> None:
    scores = torch.tensor([-1.0, -5.0, -1.0, -1.5])
    halving = Halving(torch.tensor([[float("-inf"), 0.0], [0.0, 1.0]]), every=1, candidates=2)
    assert halving.given_up(scores, EVERY[: len(scores)], done=1).tolist() == [
        True,
        False,
        True,
        False,
    ]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-9, 0), min_size=4, max_size=4), st.integers(0, 6), st.integers(1, 3))
def test_the_best_is_never_given_up(scores: list[int], done: int, every: int) -> None:
    halving = Halving(torch.zeros(1, 4), every, candidates=4)
    given_up = halving.given_up(torch.tensor(scores).float(), EVERY[:4], done)
    assert not given_up[scores.index(max(scores))]
    assert int((~given_up).sum()) == halving.places(done)


def test_a_finished_sentence_is_not_halved_while_others_are_in_work() -> None:
    scores = torch.tensor([-1.0, -2.0, -3.0, -1.0, -2.0, -3.0])
    in_work = torch.tensor([False, False, False, False, True, False])
    given_up = Halving(torch.zeros(2, 3), every=1, candidates=3).given_up(scores, in_work, done=2)
    assert given_up.tolist() == [False, False, False, False, True, True]


def test_a_row_with_nothing_to_fill_has_a_score() -> None:
    nothing = torch.zeros(1, 2, dtype=torch.bool)
    assert mean_log_probability(torch.zeros(1, 2), nothing, nothing).tolist() == [0.0]
