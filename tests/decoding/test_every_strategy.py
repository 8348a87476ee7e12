"""What holds of every strategy, present and future."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_loop import SYMBOLS, table_model

from fairseq_cmlm.decoding.blocks import refine_in_blocks
from fairseq_cmlm.decoding.canvas import Canvas, fully_masked
from fairseq_cmlm.decoding.loop import Query, Refined, refine
from fairseq_cmlm.decoding.order import ORDERS
from fairseq_cmlm.decoding.plan import Plan
from fairseq_cmlm.decoding.search import SEARCH_ORDERS, search
from fairseq_cmlm.decoding.stopping import while_changing, while_changing_or_unsure, within_entropy
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.tokens import Prediction
from fairseq_cmlm.decoding.trace import Trace
from fairseq_cmlm.sentence_random import derived_keys, uniform_numbers

CONTROL = torch.tensor([0, 1, 2, 9])
NAMES = sorted(STRATEGIES)


def plan_of(name: str, total: list[int], keys: list[int], **options: Any) -> Plan:
    strategy = STRATEGIES[name]
    eta = 0.3 if strategy.random else strategy.eta or 0.0
    key = derived_keys(torch.tensor(keys), 5)
    return Plan(strategy, torch.tensor(total), **{"keys": key, "eta": eta, **options})


def decode(name: str, lengths: list[int], total: int, seed: int, keys: list[int], **options: Any) -> Refined:
    canvas = fully_masked(torch.tensor(lengths), SYMBOLS.pad)
    plan = plan_of(name, [total] * len(lengths), keys, **options)
    return refine(table_model(seed), canvas, plan, SYMBOLS.mask)


OPTIONS: dict[str, dict[str, Any]] = {
    "": {},
    "margin": {"order": ORDERS["margin"]},
    "entropy": {"order": ORDERS["entropy"]},
    "bounded": {"rules": [within_entropy(1.0, 0.5)]},
    "stable and sure": {"rules": [while_changing_or_unsure(1, 1.9, 0.0)]},
    "drawn": {"draw": (0.7, 0.9)},
    "edited": {"rewrite_above": -0.8},
}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=4, deadline=None)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4), total=st.integers(1, 5), seed=st.integers(0, 10**6))
def test_a_batch_equals_its_rows_and_ends_in_words(
    name: str, options: str, lengths: list[int], total: int, seed: int
) -> None:
    keys = list(range(len(lengths)))
    together = decode(name, lengths, total, seed, keys, **OPTIONS[options])
    assert (together.passes >= 1).all() and (together.passes <= total).all()
    for row, length in enumerate(lengths):
        alone = decode(name, [length], total, seed, [row], **OPTIONS[options])
        tokens = together.tokens[row, :length]
        assert tokens.equal(alone.tokens[0]) and int(together.passes[row]) == int(alone.passes[0])
        assert together.log_probs[row, :length].allclose(alone.log_probs[0])
        assert int(tokens[-1]) == SYMBOLS.eos and not torch.isin(tokens[:-1], CONTROL).any()
        assert together.tokens[row, length:].eq(SYMBOLS.pad).all()


def with_given(canvas: Canvas, given_words: torch.Tensor) -> Canvas:
    """Return the canvas with word 7 given at some places."""
    free = canvas.fillable & ~given_words
    return replace(canvas, tokens=canvas.tokens.masked_fill(given_words, 7), masked=free, fillable=free)


@pytest.mark.parametrize("block", [0, 1, 2, 9])
@pytest.mark.parametrize("name", NAMES)
def test_given_words_stay_and_the_trace_tells_why(name: str, block: int) -> None:
    words = torch.tensor([[False, True, False, True, False, False], [True, False, True, False, False, False]])
    canvas = with_given(fully_masked(torch.tensor([6, 4]), SYMBOLS.pad), words)
    trace, plan = Trace(), plan_of(name, [4, 4], [1, 2])
    if block:
        found = refine_in_blocks(table_model(4), canvas, lambda part: plan, block, SYMBOLS.mask, trace)
    else:
        found = refine(table_model(4), canvas, plan, SYMBOLS.mask, trace)
    assert found.tokens[words].eq(7).all() and found.log_probs[words].eq(0).all()
    for row, length in enumerate((6, 4)):
        made = trace.of_row(row, length)
        assert len(made) == int(found.passes[row]) and made[-1].tokens.tolist() == found.tokens[row, :length].tolist()
        for before, after in zip(made, made[1:]):
            # What the next pass reads is what this one wrote, but for the masks.
            assert after.read.eq(SYMBOLS.mask).equal(before.remasked)
            assert after.read[~before.remasked].equal(before.tokens[~before.remasked])
        for one in made:
            for place, why in enumerate(one.why):
                assert (why == "given") == bool(words[row, place])
                assert (why in ("unsure", "taken back", "masked")) == bool(one.remasked[place])
        assert not made[-1].remasked.any()


@pytest.mark.parametrize("name", NAMES)
def test_one_pass_takes_the_best_word_everywhere(name: str) -> None:
    found, plain = (decode(one, [5, 3], 1, 8, [1, 2]) for one in (name, "mask_predict"))
    assert found.tokens.equal(plain.tokens) and found.log_probs.allclose(plain.log_probs)


@pytest.mark.parametrize("seed", range(4))
def test_one_token_a_pass_is_the_search_for_one_hypothesis(seed: int) -> None:
    """Without remasking and with path planning that keeps what stands: easy first; in blocks of one: left to right."""
    canvas, total = fully_masked(torch.tensor([6]), SYMBOLS.pad), [6]
    easy, left = (search(table_model(seed), canvas, order, 1, SYMBOLS.mask) for order in SEARCH_ORDERS.values())
    kept = [
        plan_of("without_remasking", total, [1]),
        plan_of("path_planning", total, [1], eta=0.0),
        plan_of("edit", total, [1], rewrite_above=0.0),
    ]
    for plan in kept:
        found = refine(table_model(seed), canvas, plan, SYMBOLS.mask)
        assert found.tokens.equal(easy.tokens) and found.passes.tolist() == [6]
    for name in NAMES:
        plan = plan_of(name, [1], [1])
        found = refine_in_blocks(table_model(seed), canvas, lambda part, plan=plan: plan, 1, SYMBOLS.mask)
        assert found.tokens.equal(left.tokens) and found.passes.tolist() == [6]


@pytest.mark.parametrize("name", NAMES)
def test_one_block_is_the_whole(name: str) -> None:
    canvas, plan = fully_masked(torch.tensor([5, 2]), SYMBOLS.pad), plan_of(name, [3, 3], [1, 2])
    whole = refine(table_model(2), canvas, plan, SYMBOLS.mask)
    block = refine_in_blocks(table_model(2), canvas, lambda part: plan, 9, SYMBOLS.mask)
    assert all(one.equal(other) for one, other in zip(whole, block))


@pytest.mark.parametrize("name", NAMES)
def test_a_block_of_a_draft_without_masks_stays_and_each_pass_is_watched(name: str) -> None:
    canvas, plan = fully_masked(torch.tensor([6]), SYMBOLS.pad), plan_of(name, [3], [1])
    standing = torch.arange(6)[None] < 3
    canvas = replace(canvas, tokens=canvas.tokens.masked_fill(standing, 7), masked=canvas.masked & ~standing)
    watched: list[int] = []
    trace = Trace(watch=lambda made: watched.append(int(made.remasked.sum())))
    found = refine_in_blocks(table_model(3), canvas, lambda part: plan, 3, SYMBOLS.mask, trace)
    # A strategy that rereads may change what stands.
    assert found.tokens[0, :3].eq(7).all() or plan.strategy.rereads
    assert not found.tokens.eq(SYMBOLS.mask).any()
    assert len(watched) == int(found.passes) == len(trace.passes) > 0 and watched[-1] == 0


def test_a_bound_of_no_entropy_reveals_one_token_a_pass_and_a_large_one_all() -> None:
    def passes(*bounds: float) -> list[int]:
        rules, order = [within_entropy(bound, 0.0) for bound in bounds], ORDERS["entropy"]
        return decode("without_remasking", [6, 3], 6, 3, [1, 2], rules=rules, order=order).passes.tolist()

    assert passes(0.0) == passes() == [6, 3]
    assert passes(100.0) == [1, 1]


def test_edits_replace_what_stands_only_by_what_is_likely() -> None:
    never = decode("edit", [6], 8, 5, [1], rewrite_above=0.0)
    plain = decode("without_remasking", [6], 8, 5, [1])
    assert never.tokens.equal(plain.tokens)
    changed = [decode("edit", [6], 8, seed, [1]).tokens.tolist() for seed in range(9)]
    kept = [decode("edit", [6], 8, seed, [1], rewrite_above=0.0).tokens.tolist() for seed in range(9)]
    assert changed != kept
    everything = [decode("edit", [6], 8, seed, [1], rewrite_above=-math.inf).tokens.tolist() for seed in range(9)]
    assert everything == changed


@pytest.mark.parametrize("name", ["mask_predict", "all_tokens", "edit"])
def test_a_row_that_does_not_change_is_finished_though_its_strategy_would_read_it_again(name: str) -> None:
    def fickle(query: Query) -> Prediction:
        """Word 5 while anything is masked, another word on a canvas without masks."""
        hidden = query.visible.eq(SYMBOLS.mask).any(1).long()
        tokens = (6 - hidden)[query.positions // query.visible.size(1)]
        found = Prediction(tokens, torch.full(tokens.shape, -1.0))
        if query.standing is not None:
            found = found._replace(standing=torch.full(tokens.shape, -2.0))
        return found

    canvas = fully_masked(torch.tensor([10]), SYMBOLS.pad)
    strategy = STRATEGIES[name]
    rules = [while_changing(1)]
    refined = refine(fickle, canvas, Plan(strategy, torch.tensor([10]), rules=rules), SYMBOLS.mask)
    # The second pass writes what the first one wrote.
    assert refined.passes.tolist() == [2] and refined.tokens.tolist() == [[5] * 10]


@pytest.mark.parametrize("seed", range(3))
def test_another_order_remembers_how_sure_a_kept_token_was(seed: int) -> None:
    """Mask-predict by the margin, against a plain loop over one row."""
    length, total, order = 6, 5, ORDERS["margin"]
    visible, sets = torch.full((1, length), SYMBOLS.mask), torch.tensor([0] * (length - 1) + [1])
    tokens, sureness = torch.zeros(length, dtype=torch.long), torch.zeros(length)
    for done in range(1, total + 1):
        places = visible[0].eq(SYMBOLS.mask).nonzero().flatten()
        query = Query(visible, visible != SYMBOLS.pad, length, places, sets[places], None, size=2)
        made = table_model(seed)(query)
        tokens[places], sureness[places] = made.tokens, order.sureness(made)
        again = sureness.argsort(stable=True)[: length * (total - done) // total]
        visible = tokens.index_fill(0, again, SYMBOLS.mask)[None]
    assert decode("mask_predict", [length], total, seed, [1], order=order).tokens.equal(visible)


def test_other_orders_mask_other_tokens() -> None:
    found = [
        [decode("mask_predict", [6], 4, seed, [1], order=ORDERS[name]).tokens for seed in range(9)] for name in ORDERS
    ]
    assert len({str(one) for one in found}) == len(ORDERS)


@pytest.mark.parametrize("name", [name for name in NAMES if STRATEGIES[name].random])
def test_the_masked_share_follows_the_schedule(name: str) -> None:
    """Over many rows, whatever eta is."""
    rows, length, total = 3000, 8, 4
    trace = Trace()
    canvas = fully_masked(torch.full((rows,), length), SYMBOLS.pad)
    plan = plan_of(name, [total] * rows, list(range(rows)), eta=0.4)

    def model(query: Any) -> Any:
        place = (query.positions % length).float()
        return Prediction(torch.full_like(query.positions, 5), -0.1 - place / 8)

    found = refine(model, canvas, plan, SYMBOLS.mask, trace)
    assert found.passes.eq(total).all()
    shares = [float(made.remasked.sum()) / (rows * length) for made in trace.passes]
    expected = [0.5, 0.1, 0.1, 0.0] if name == "remdm_loop" else [0.75, 0.5, 0.25, 0.0]
    # A token stays masked in each row, which matters where few are to: 0.9 ** 8 of the rows would have none.
    if name == "remdm_conf":  # nothing makes up for what it masks again
        assert all(share >= least - 0.02 for share, least in zip(shares, expected)) and shares[-1] == 0
    else:
        assert shares == pytest.approx(expected, abs=0.06)
    taken_back = sum(int((made.remasked & ~made.asked).sum()) for made in trace.passes)
    assert taken_back > 0


@pytest.mark.parametrize("name", [name for name in NAMES if STRATEGIES[name].random])
def test_a_strategy_that_masks_at_random_makes_every_pass(name: str) -> None:
    assert decode(name, [2], 5, 3, [1]).passes.tolist() == [5]


def test_each_pass_draws_with_numbers_of_its_own() -> None:
    seen, keys = [], torch.tensor([3, 4])

    def predict(query: Query) -> Prediction:
        assert query.draw is not None
        seen.append(query.draw.numbers)
        return Prediction(torch.full_like(query.positions, 7), torch.full(query.positions.shape, -1.0))

    plan = Plan(STRATEGIES["all_tokens"], torch.tensor([4, 4]), keys=keys, draw=(1.0, 1.0))
    refine(predict, fully_masked(torch.tensor([6, 6]), SYMBOLS.pad), plan, SYMBOLS.mask)
    everything = torch.cat(seen)
    assert everything.numel() == 4 * 12 == everything.unique().numel(), "no number twice"
    of_strategies = torch.stack([uniform_numbers(derived_keys(keys, done), 6) for done in range(1, 5)])
    assert not torch.isin(everything, of_strategies).any()
