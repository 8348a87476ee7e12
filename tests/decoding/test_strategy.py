from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.decoding.canvas import Canvas, fully_masked
from fairseq_cmlm.decoding.strategy import STRATEGIES, Pass, lowest


def test_lowest_takes_the_leftmost_of_equals() -> None:
    values = torch.tensor([[1.0, 0.0, 0.0, 5.0]])
    among = torch.tensor([[True, True, True, False]])
    assert lowest(values, torch.tensor([[1]]), among).tolist() == [[False, True, False, False]]
    assert lowest(values, torch.tensor([[9]]), among).tolist() == among.tolist()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=12), st.integers(0, 13))
def test_lowest_against_sorting(row: list[tuple[int, bool]], count: int) -> None:
    values, among = (torch.tensor([[part[i] for part in row]]) for i in (0, 1))
    places = [place for place, (_, allowed) in enumerate(row) if allowed]
    expected = sorted(sorted(places, key=lambda place: row[place][0])[:count])
    assert lowest(values.float(), torch.tensor([[count]]), among)[0].nonzero().flatten().tolist() == expected


# strategy -> positions that it masks again, after a pass over the canvas below, when the schedule says 2
EXPECTED = {
    "mask_predict": [[0, 3], [1, 2]],
    "all_tokens": [[0, 3], [1, 2]],
    "without_remasking": [[2, 3], [1]],
    "edit": [[2, 3], [1]],
    "path_planning": [[0, 3], [1, 2]],
    # The masked share falls from 1/2 to 1/4, so that numbers from 0.52 on stay masked; sigma is 0.02 and 0.025.
    "remdm_cap": [[2, 3], [1]],
    "remdm_rescale": [[2, 3], [1]],
    "remdm_conf": [[0, 2, 3], [1]],  # of the one token that stands, sigma is 1/2
    "remdm_loop": [[1, 2, 3], [1]],  # 90 % stand, and are to: numbers from 0.18 on stay masked
}
LOG_PROBS = torch.tensor([[-3.0, -0.1, -0.2, -2.0], [-0.5, -0.6, -0.7, 0.0]])
MASKED = torch.tensor([[False, True, True, True], [True, True, False, False]])
NUMBERS = torch.tensor([[0.3, 0.4, 0.7, 0.9], [0.1, 0.8, 0.6, 0.0]])


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_what_is_masked_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pass, "random", lambda made: NUMBERS)
    fillable = torch.tensor([[True, True, True, True], [True, True, True, False]])
    canvas = Canvas(torch.full((2, 4), 7), LOG_PROBS, MASKED, fillable, fillable, torch.zeros(2, 4))
    two, zeros = torch.tensor([[2], [2]]), torch.zeros(2, dtype=torch.long)
    strategy = STRATEGIES[name]
    masked = strategy.remask(Pass(canvas, canvas, two, two, done=3, total=2 * two, keys=zeros, eta=strategy.eta or 0.0))
    assert [row.nonzero().flatten().tolist() for row in masked] == EXPECTED[name]
    if strategy.keeps_count:
        assert masked.sum(1).tolist() == [2, 2]


def remdm(name: str, numbers: list[float], monkeypatch: pytest.MonkeyPatch, eta: float = 0.0) -> list[int]:
    """What it masks of words of probability 0.9, 0.5 and 0.1 and a mask: before half is masked, then a quarter."""
    monkeypatch.setattr(Pass, "random", lambda made: torch.tensor([numbers]))
    log_probs = torch.tensor([[0.9, 0.5, 0.1, 0.5]]).log()
    masked, whole = torch.tensor([[False, False, False, True]]), torch.ones(1, 4, dtype=torch.bool)
    canvas = Canvas(torch.full((1, 4), 7), log_probs, masked, whole, whole, torch.zeros(1, 4))
    one = torch.tensor([[1]])
    made = Pass(canvas, canvas, one, one, done=3, total=4 * one, keys=torch.zeros(1, dtype=torch.long), eta=eta)
    return STRATEGIES[name].remask(made).nonzero()[:, 1].tolist()


def test_the_doubtful_are_drawn_sooner_by_remdm_conf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of softmax(-p): 0.11, 0.16 and 0.24."""
    assert remdm("remdm_conf", [0.13, 0.13, 0.13, 0.0], monkeypatch) == [1, 2]
    assert remdm("remdm_conf", [0.2, 0.2, 0.2, 0.0], monkeypatch) == [2]


def test_eta_is_a_probability_of_remdm_cap_and_a_share_of_remdm_rescale(monkeypatch: pytest.MonkeyPatch) -> None:
    """The most is 0.5, and eta 0.3."""
    for name, bound in (("remdm_cap", 0.3), ("remdm_rescale", 0.15)):
        assert remdm(name, [bound - 0.01, bound + 0.01, 0.9, 0.0], monkeypatch, eta=0.3) == [0]


def test_the_loop_of_remdm_takes_nothing_back_on_its_way_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """From pass 1 to 2 of 10 the masked share falls from 0.8 to 0.6: numbers below 0.25 are revealed."""
    monkeypatch.setattr(Pass, "random", lambda made: NUMBERS)
    fillable = torch.tensor([[True, True, True, True], [True, True, True, False]])
    canvas = Canvas(torch.full((2, 4), 7), LOG_PROBS, MASKED, fillable, fillable, torch.zeros(2, 4))
    ten, zeros = torch.tensor([[10], [10]]), torch.zeros(2, dtype=torch.long)
    masked = STRATEGIES["remdm_loop"].remask(Pass(canvas, canvas, ten, ten, done=2, total=ten, keys=zeros, eta=0.4))
    assert [row.nonzero().flatten().tolist() for row in masked] == [[1, 2, 3], [1]]


def test_the_first_canvas_is_masked_and_hides_what_is_masked() -> None:
    canvas = fully_masked(torch.tensor([3, 1]), pad=1)
    assert canvas.visible(mask=9).tolist() == [[9, 9, 9], [9, 1, 1]]
    assert canvas.fillable.equal(canvas.masked) and canvas.fillable.sum(1).tolist() == [3, 1]


def test_writing_changes_the_named_positions_and_not_the_canvas_before() -> None:
    canvas = fully_masked(torch.tensor([3, 1]), pad=1)
    written = canvas.written(torch.tensor([1, 3]), torch.tensor([5, 6]), torch.tensor([-1.0, -2.0]))
    assert written.tokens.tolist() == [[1, 5, 1], [6, 1, 1]]
    assert written.log_probs.tolist() == [[0, -1, 0], [-2, 0, 0]]
    assert canvas.tokens.eq(1).all() and canvas.log_probs.eq(0).all()
    assert written.remasked(torch.zeros_like(canvas.masked)).visible(mask=9).equal(written.tokens)
    assert written.rows(torch.tensor([1])).tokens.tolist() == [[6, 1, 1]]
