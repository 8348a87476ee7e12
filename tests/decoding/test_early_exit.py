from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.early_exit import Contest, Exit, below, unless_unchanged
from fairseq_cmlm.decoding.strategy import Pass

# Two rows of three tokens, the last of the second one padding, before and after a pass.
BEFORE = torch.tensor([[5, 6, 2], [7, 2, 1]])
EXITS: dict[str, tuple[Exit, list[list[int]], list[list[bool]]]] = {
    # name: exit, tokens after the pass, where may be masked again
    "another token": (unless_unchanged, [[5, 8, 2], [7, 2, 1]], [[True, True, True], [False, False, False]]),
    "the same": (unless_unchanged, [[5, 6, 2], [7, 2, 1]], [[False, False, False], [False, False, False]]),
    "below a half": (below(0.5), [[5, 6, 2], [7, 2, 1]], [[True, False, False], [False, True, False]]),
}


@pytest.mark.parametrize("name", EXITS)
def test_exits(name: str) -> None:
    exit_, tokens, expected = EXITS[name]
    canvas = fully_masked(torch.tensor([3, 2]), pad=1)
    places, confidence = torch.arange(6), torch.tensor([0.4, 0.5, 0.9, 0.6, 0.3, 1.0]).log()
    before = canvas.written(places, BEFORE.flatten(), canvas.confidence.flatten())
    after = before.written(places, torch.tensor(tokens).flatten(), confidence)
    assert exit_(Pass(before, after, torch.tensor([[1], [1]]))).expand(2, 3).tolist() == expected


@pytest.mark.parametrize(
    ("candidates", "every", "expected"),
    [(5, 1, [5, 3, 2, 1, 1]), (5, 2, [5, 5, 3, 3, 2, 2, 1]), (1, 1, [1, 1]), (8, 3, [8, 8, 8, 4])],
)
def test_places_are_halved_rounding_up(candidates: int, every: int, expected: list[int]) -> None:
    contest = Contest(torch.ones(2, candidates, dtype=torch.bool), every)
    assert [contest.places(done) for done in range(len(expected))] == expected


def test_the_worst_of_each_sentence_are_behind() -> None:
    scores = torch.tensor([-3.0, -1.0, -2.0, -1.0, -1.0, -9.0])
    contest = Contest(torch.ones(2, 3, dtype=torch.bool), every=1)
    assert contest.behind(scores, done=1).tolist() == [True, False, False, False, False, True]
    # Among equals the earlier candidate stays.
    assert contest.behind(scores, done=2).tolist() == [True, False, True, False, True, True]


def test_a_candidate_that_did_not_enter_is_behind_the_others() -> None:
    contest = Contest(torch.tensor([[False, True]]), every=1)
    assert contest.behind(torch.tensor([-1.0, -5.0]), done=1).tolist() == [True, False]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-9, 0), min_size=4, max_size=4), st.integers(0, 6), st.integers(1, 3))
def test_the_best_is_never_behind(scores: list[int], done: int, every: int) -> None:
    contest = Contest(torch.ones(1, 4, dtype=torch.bool), every)
    behind = contest.behind(torch.tensor(scores).float(), done)
    assert not behind[scores.index(max(scores))]
    assert int((~behind).sum()) == contest.places(done)
