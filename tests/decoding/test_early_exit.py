from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.early_exit import Contest, Exit, below, until_unchanged
from fairseq_cmlm.decoding.strategy import Pass

# name: exit, where may be masked again of two rows of three tokens, the last of the second one padding
EXITS: dict[str, tuple[Exit, list[list[bool]]]] = {
    "unchanged for 1 pass": (until_unchanged(1), [[True, True, True], [False, False, False]]),
    "unchanged for 3 passes": (until_unchanged(3), [[True, True, True], [True, True, True]]),
    "below a half": (below(0.5), [[True, False, False], [False, True, False]]),
}


@pytest.mark.parametrize("name", EXITS)
def test_exits(name: str) -> None:
    exit_, expected = EXITS[name]
    before = fully_masked(torch.tensor([3, 2]), pad=1)
    confidence = torch.tensor([0.4, 0.5, 0.9, 0.6, 0.3, 1.0]).log()
    after = before.written(torch.arange(6), torch.tensor([5, 6, 2, 7, 2, 1]), confidence)
    last = Pass(before, after, count=torch.tensor([[1], [1]]), stood=torch.tensor([[0], [2]]))
    assert exit_(last).expand(2, 3).tolist() == expected


@pytest.mark.parametrize(
    ("candidates", "every", "expected"),
    [(5, 1, [5, 3, 2, 1, 1]), (5, 2, [5, 5, 3, 3, 2, 2, 1]), (1, 1, [1, 1]), (8, 3, [8, 8, 8, 4])],
)
def test_places_are_halved_rounding_up(candidates: int, every: int, expected: list[int]) -> None:
    contest = Contest(torch.zeros(2, candidates), every)
    assert [contest.places(done) for done in range(len(expected))] == expected


def test_the_worst_of_each_sentence_are_behind() -> None:
    scores = torch.tensor([-3.0, -1.0, -2.0, -1.0, -1.0, -9.0])
    contest = Contest(torch.zeros(2, 3), every=1)
    assert contest.behind(scores, done=1).tolist() == [True, False, False, False, False, True]
    # Among equals the earlier candidate stays.
    assert contest.behind(scores, done=2).tolist() == [True, False, True, False, True, True]


def test_a_bonus_decides_and_what_is_no_candidate_is_behind() -> None:
    scores = torch.tensor([-1.0, -5.0, -1.0, -1.5])
    contest = Contest(torch.tensor([[float("-inf"), 0.0], [0.0, 1.0]]), every=1)
    assert contest.behind(scores, done=1).tolist() == [True, False, True, False]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-9, 0), min_size=4, max_size=4), st.integers(0, 6), st.integers(1, 3))
def test_the_best_is_never_behind(scores: list[int], done: int, every: int) -> None:
    contest = Contest(torch.zeros(1, 4), every)
    behind = contest.behind(torch.tensor(scores).float(), done)
    assert not behind[scores.index(max(scores))]
    assert int((~behind).sum()) == contest.places(done)
