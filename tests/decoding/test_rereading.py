"""Strategies that read and rewrite what is revealed, against plain loops over one row."""

from __future__ import annotations

import pytest
import torch
from test_loop import SYMBOLS, table_model

from fairseq_cmlm.decoding.canvas import Canvas, fully_masked
from fairseq_cmlm.decoding.loop import Predict, Query, Refined, refine
from fairseq_cmlm.decoding.plan import Plan
from fairseq_cmlm.decoding.strategy import STRATEGIES, Pass, Strategy, lowest
from fairseq_cmlm.decoding.tokens import Prediction


def decode(lengths: list[int], total: int, strategy: Strategy, model: Predict) -> Refined:
    canvas = fully_masked(torch.tensor(lengths), SYMBOLS.pad)
    return refine(model, canvas, Plan(strategy, torch.full((len(lengths),), total)), SYMBOLS.mask)


def read_all(model: Predict, row: list[int]) -> Prediction:
    """What the model says of every position of one row."""
    visible = torch.tensor([row])
    sets = torch.tensor([*[0] * (len(row) - 1), 1])
    places = torch.arange(len(row))
    return model(Query(visible, visible != SYMBOLS.pad, len(row), places, sets, None))


@pytest.mark.parametrize("seed", range(5))
def test_all_tokens_against_a_plain_loop(seed: int) -> None:
    lengths, total = [7, 3, 1], 5
    found = decode(lengths, total, STRATEGIES["all_tokens"], table_model(seed))
    for row, length in enumerate(lengths):
        canvas = [SYMBOLS.mask] * length
        for done in range(1, total + 1):
            tokens, log_probs, *_ = read_all(table_model(seed), canvas)
            again = log_probs.argsort(stable=True)[: length * (total - done) // total]
            canvas = tokens.index_fill(0, again, SYMBOLS.mask).tolist()
        assert found.tokens[row, :length].tolist() == canvas
        assert found.log_probs[row, :length].allclose(log_probs)


def test_a_row_that_is_rewritten_ends_where_nothing_changes() -> None:
    model = table_model(3)

    def one_word(query: Query) -> Prediction:
        return Prediction(torch.full(query.positions.shape, 5), -query.positions.float())

    assert decode([4], 9, STRATEGIES["all_tokens"], one_word).passes.tolist() == [8]
    assert int(decode([4], 9, STRATEGIES["all_tokens"], model).passes) <= 9


def test_what_stands_is_scored_anew_and_kept() -> None:
    """The second pass reads the two tokens that stand, and the strategy sees how likely they are now."""
    seen: list[Pass] = []

    def keep(made: Pass) -> torch.Tensor:
        seen.append(made)
        return lowest(made.after.log_probs, made.count, made.after.fillable)

    def model(query: Query) -> Prediction:
        assert query.standing is not None
        log_probs = torch.full(query.positions.shape, -0.1 * (1 + len(seen)))
        return Prediction(torch.full_like(query.positions, 6), log_probs, standing=log_probs - 5)

    canvas = fully_masked(torch.tensor([4]), SYMBOLS.pad)
    places, tokens, log_probs = torch.arange(4), torch.tensor([5, 5, 5, 2]), torch.full((4,), -9.0)
    half = torch.tensor([[False, True, True, False]])
    started = canvas.written(places, tokens, log_probs).remasked(half)
    plan = Plan(Strategy(keep, keeps_count=True, rereads=True), torch.tensor([2]))
    found = refine(model, started, plan, SYMBOLS.mask)
    assert seen[0].after.tokens.tolist() == [[5, 6, 6, 2]]
    assert seen[0].after.log_probs[0].tolist() == pytest.approx([-5.1, -0.1, -0.1, -5.1])
    # Of four the two least likely are masked in turn, and then predicted: those that stood.
    assert found.tokens.tolist() == [[6, 6, 6, 6]]


def test_given_words_are_not_asked_for() -> None:
    canvas = fully_masked(torch.tensor([3]), SYMBOLS.pad)
    free = torch.tensor([[True, False, True]])
    canvas = Canvas(canvas.tokens.masked_fill(~free, 7), canvas.log_probs, free, free, canvas.real, canvas.sets)
    asked: list[list[int]] = []

    def model(query: Query) -> Prediction:
        asked.append(query.positions.tolist())
        return table_model(1)(query)

    found = refine(model, canvas, Plan(STRATEGIES["all_tokens"], torch.tensor([3])), SYMBOLS.mask)
    assert int(found.tokens[0, 1]) == 7 and all(positions == [0, 2] for positions in asked)
