"""The planners, and what the loop makes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.loop import Query, refine
from fairseq_cmlm.decoding.plan import Plan
from fairseq_cmlm.decoding.planning import PLANNERS, Filled, Rows
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.tokens import Prediction
from fairseq_cmlm.decoding.trace import Trace

LENGTHS = torch.tensor([4, 3])
STALE = torch.tensor([[-1.0, -2.0, -3.0, -4.0], [-5.0, -6.0, -7.0, 0.0]])


def filled() -> Filled:
    canvas = replace(fully_masked(LENGTHS, pad=1), log_probs=STALE)

    def hidden(hide: Tensor, counts: Tensor) -> Tensor:
        assert counts.tolist() == hide.sum(1).tolist()
        first = hide.float().argmax(1, keepdim=True) + 1
        return torch.where(hide, -first.float(), 0.0)

    return Filled(canvas, LENGTHS, hidden, lambda: STALE - 10, lambda: STALE - 20)


EXPECTED = {
    "confidence": STALE.tolist(),
    # The group that begins at the first position, and the one that begins at the second.
    "pseudo_likelihood": [[-1.0, -2.0, -1.0, -2.0], [-1.0, -2.0, -1.0, 0.0]],
    "autoregressive": (STALE - 10).tolist(),
    "quality": (STALE - 20).tolist(),
}


@pytest.mark.parametrize("name", PLANNERS)
def test_log_probabilities(name: str) -> None:
    assert PLANNERS[name](filled()).tolist() == EXPECTED[name]


def test_groups_leave_out_what_is_given() -> None:
    one = filled()
    fillable = torch.tensor([[True, False, True, True], [False, True, False, False]])
    found = PLANNERS["pseudo_likelihood"](
        replace(one, canvas=replace(one.canvas, fillable=fillable), lengths=torch.tensor([3, 1]))
    )
    assert found.tolist() == [[-1.0, 0.0, -3.0, -1.0], [0.0, -2.0, 0.0, 0.0]]


def predict(query: Query) -> Prediction:
    """The first position is the least sure of all."""
    return Prediction(query.positions + 10, query.positions.float() - 100)


@pytest.mark.parametrize("strategy", ["mask_predict", "without_remasking", "path_planning"])
def test_the_planner_says_what_is_masked_again(strategy: str) -> None:
    canvas, seen = fully_masked(torch.tensor([4, 2]), pad=1), []

    def planner(rows: Rows) -> Tensor:
        seen.append((rows.lengths.tolist(), rows.number, rows.which, rows.canvas.tokens.tolist()))
        return -torch.arange(4.0).expand(rows.canvas.tokens.shape)

    row = replace(STRATEGIES[strategy], rereads=False)
    total, trace = torch.tensor([4, 2]), Trace()
    found = refine(predict, canvas, Plan(row, total, planner=planner, eta=1.0), mask=9, trace=trace)
    # The last positions are the least likely to the planner, though the model is surest of them.
    assert [made.remasked.int().tolist() for made in trace.passes] == [
        [[0, 1, 1, 1], [0, 1, 0, 0]],
        [[0, 0, 1, 1], [0, 0, 0, 0]],
        [[0, 0, 0, 1]],
        [[0, 0, 0, 0]],
    ]
    # It is not asked after the last pass, and of the rows in work alone.
    assert [one[:2] for one in seen] == [([4, 2], 6), ([4, 2], 6), ([4], 4)]
    assert seen[0][2] is None and seen[2][2].tolist() == [0]
    assert all(9 not in row for one in seen for row in one[3])
    # The trace tells by what was decided, the result how sure the model was.
    assert trace.passes[0].log_probs[0].tolist() == [0, -1, -2, -3]
    assert found.log_probs[0].tolist() == [-100, -99, -98, -97]


def test_a_plan_with_a_planner_stays_counted() -> None:
    plan = Plan(STRATEGIES["mask_predict"], torch.tensor([2]), planner=lambda rows: rows.canvas.log_probs)
    assert plan.counted


def test_what_is_given_has_no_say() -> None:
    canvas = fully_masked(torch.tensor([3]), pad=1)
    given = torch.tensor([[True, False, True]])
    canvas = replace(canvas, fillable=given, masked=given)
    plan = Plan(STRATEGIES["mask_predict"], torch.tensor([2]), planner=lambda rows: torch.tensor([[-1.0, -9.0, -2.0]]))
    trace = Trace()
    refine(predict, canvas, plan, mask=9, trace=trace)
    assert trace.passes[0].log_probs.tolist() == [[-1.0, 0.0, -2.0]]
    assert trace.passes[0].remasked.tolist() == [[False, False, True]]
