from __future__ import annotations

from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.decoding.candidates import Halving
from fairseq_cmlm.decoding.canvas import Canvas, fully_masked
from fairseq_cmlm.decoding.loop import Predict, Query, Refined, refine
from fairseq_cmlm.decoding.plan import Plan
from fairseq_cmlm.decoding.rules import words_and_end
from fairseq_cmlm.decoding.stopping import below_threshold, while_changing
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.tokens import Prediction, Symbols
from fairseq_cmlm.decoding.trace import Trace
from fairseq_cmlm.inference.predictor import read

SYMBOLS = Symbols(bos=0, pad=1, eos=2, mask=9)


def table_model(seed: int) -> Predict:
    """A model without a network: logits are hashed from the row's canvas, so that rows do not depend on their batch."""

    def predict(query: Query) -> Prediction:
        width = query.visible.size(1)
        logits = []
        for position in query.positions.tolist():
            row, column = divmod(position, width)
            canvas = [t for t in query.visible[row].tolist() if t != SYMBOLS.pad]
            generator = torch.Generator().manual_seed(hash((seed, column, tuple(canvas))) % 2**31)
            logits.append(torch.randn(10, generator=generator))
        return read(torch.stack(logits), query, words_and_end(SYMBOLS))

    return predict


def decode(lengths: list[int], total: int, seed: int, **options: Any) -> Refined:
    canvas = fully_masked(torch.tensor(lengths), SYMBOLS.pad)
    plan = Plan(STRATEGIES["mask_predict"], torch.full((len(lengths),), total), **options)
    return refine(table_model(seed), canvas, plan, SYMBOLS.mask)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 6), st.integers(0, 10**6))
def test_a_batch_equals_its_rows_and_holds_no_control_symbol(lengths: list[int], total: int, seed: int) -> None:
    together = decode(lengths, total, seed)
    for row, length in enumerate(lengths):
        alone = decode([length], total, seed)
        tokens = together.tokens[row, :length]
        assert tokens.equal(alone.tokens[0])
        assert together.log_probs[row, :length].allclose(alone.log_probs[0])
        # Finished at the first pass t after which floor(N * (T - t) / T) is 0.
        finished = next(t for t in range(1, total + 1) if length * (total - t) < total)
        assert int(together.passes[row]) == int(alone.passes[0]) == finished
        assert int(tokens[-1]) == SYMBOLS.eos
        assert not torch.isin(tokens[:-1], torch.tensor([0, 1, 2, 9])).any()


def test_the_trace_shows_each_pass_and_frozen_tokens_stay() -> None:
    canvas = fully_masked(torch.tensor([4, 2]), SYMBOLS.pad)
    frozen = torch.tensor([[False, True, False, False], [False, False, False, False]])
    tokens = canvas.tokens.masked_fill(frozen, 7)
    given_token = Canvas(
        tokens, canvas.log_probs, canvas.masked & ~frozen, canvas.fillable & ~frozen, canvas.real, canvas.sets
    )
    trace = Trace()
    plan = Plan(STRATEGIES["mask_predict"], torch.tensor([3, 3]))
    refined = refine(table_model(1), given_token, plan, SYMBOLS.mask, trace)
    assert refined.tokens[0, 1] == 7 and all((made.read[0, 1] == 7).all() for made in trace.passes)
    # Of 3 fillable tokens 2 and 1 are masked again, of 2 only 1 and 0.
    assert [made.rows.tolist() for made in trace.passes] == [[0, 1], [0, 1], [0]]
    masks = [made.read.eq(SYMBOLS.mask).sum(1).tolist() for made in trace.passes]
    assert masks == [[3, 2], [2, 1], [1]]
    assert refined.passes.tolist() == [3, 2]
    assert trace.passes[-1].tokens[0].equal(refined.tokens[0])


EVERYTHING_AGAIN = below_threshold(1.0)  # no probability of the model is 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 6), st.integers(0, 10**6))
def test_stopping_rules_leave_no_mask_and_make_no_pass_more(lengths: list[int], total: int, seed: int) -> None:
    whole = decode(lengths, total, seed)
    for rules in ([while_changing(1)], [below_threshold(0.5)], [while_changing(2), below_threshold(0.5)]):
        found = decode(lengths, total, seed, rules=rules)
        assert (found.passes <= whole.passes).all() and (found.passes >= 1).all()
        for row, length in enumerate(lengths):
            tokens = found.tokens[row, :length]
            assert int(tokens[-1]) == SYMBOLS.eos and not torch.isin(tokens[:-1], torch.tensor([0, 1, 2, 9])).any()
            alone = decode([length], total, seed, rules=rules)
            assert tokens.equal(alone.tokens[0]) and int(found.passes[row]) == int(alone.passes[0])


def test_a_rule_that_never_strikes_changes_nothing() -> None:
    whole, found = decode([9, 4, 6], 5, 3), decode([9, 4, 6], 5, 3, rules=[EVERYTHING_AGAIN])
    assert found.tokens.equal(whole.tokens) and found.passes.equal(whole.passes)


def test_a_row_that_repeats_itself_is_finished_and_only_then() -> None:
    def one_word(query: Query) -> Prediction:
        """Word 5 everywhere, but at the first position 7 instead of 6 once others are seen there."""
        first = query.visible[:, 0].eq(SYMBOLS.mask) & query.visible[:, 1:].eq(SYMBOLS.mask).all(1)
        tokens = torch.full(query.visible.shape, 5)
        tokens[:, 0] = torch.where(first, 6, 7)
        return Prediction(tokens.flatten()[query.positions], torch.full(query.positions.shape, -1.0))

    # Pass 2 changes the first word, passes 3 and 4 nothing, though 8 and 7 positions were masked.
    for patience, expected in ((1, 3), (2, 4), (9, 10)):
        plan = Plan(STRATEGIES["mask_predict"], torch.tensor([10]), rules=[while_changing(patience)])
        refined = refine(one_word, fully_masked(torch.tensor([10]), SYMBOLS.pad), plan, SYMBOLS.mask)
        assert refined.passes.tolist() == [expected] and refined.tokens[0].tolist() == [7, *[5] * 9]


def test_what_halving_gives_up_stops_and_the_winner_is_decoded_as_alone() -> None:
    lengths, candidates = [7, 8, 9, 6, 7, 8], 3
    halving = Halving(torch.zeros(2, candidates), every=1, candidates=candidates)
    found, whole = decode(lengths, 5, 4, halving=halving), decode(lengths, 5, 4)
    lost = found.log_probs.eq(float("-inf")).all(1).view(2, candidates)
    assert lost.sum(1).tolist() == [2, 2]
    # After pass 1 two of three go on, after pass 2 one.
    assert found.passes.view(2, candidates).sort(dim=1).values.tolist() == [[1, 2, 5], [1, 2, 5]]
    for row in (~lost).flatten().nonzero().flatten().tolist():
        assert found.tokens[row].equal(whole.tokens[row]) and found.log_probs[row].allclose(whole.log_probs[row])
