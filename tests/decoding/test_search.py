"""Beam search over (position, token) against a search written with lists."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.loop import Predict, Query, Refined
from fairseq_cmlm.decoding.rules import RELEASED, any_token_but_mask, words_and_end
from fairseq_cmlm.decoding.search import SEARCH_ORDERS, search
from fairseq_cmlm.decoding.tokens import AllowedTokens, Prediction, Symbols, most_probable_few
from fairseq_cmlm.decoding.trace import Trace

PAD, MASK, WORDS = 1, 6, 7
SYMBOLS = Symbols(bos=0, pad=PAD, eos=2, mask=MASK)


def logits_at(seed: int, canvas: tuple[int, ...], position: int) -> Tensor:
    """The logits (V,) of a model without a network, hashed from the row: they do not depend on its batch.

    The position matters more than the canvas, so that the same hypothesis is often reached in several orders.
    """
    parts = ((2.0, (seed, position)), (0.5, (seed, position, canvas)))
    return sum(
        (
            scale * torch.randn(WORDS, generator=torch.Generator().manual_seed(hash(key) % 2**31))
            for scale, key in parts
        ),
        torch.zeros(WORDS),
    )


def logits_of(seed: int, query: Query, lengths: list[int], beam: int) -> Tensor:
    """The logits (M, V) that a query asks for; its rows are `beam` hypotheses of each row of the canvas."""
    found = []
    for place in query.positions.tolist():
        row, position = divmod(place, query.visible.size(1))
        found.append(logits_at(seed, tuple(query.visible[row, : lengths[row // beam]].tolist()), position))
    return torch.stack(found) if found else torch.zeros(0, WORDS)


def best_few(logits: Tensor, query: Query, allowed: AllowedTokens) -> Prediction:
    """The best allowed tokens that the query asks for."""
    few = most_probable_few(logits, query.sets, allowed, query.size)
    return Prediction(few.tokens[:, 0], few.log_probs[:, 0], few)


def decode(lengths: list[int], order: str, beam: int, seed: int, trace: Trace | None = None) -> Refined:
    def predict(query: Query) -> Prediction:
        return best_few(logits_of(seed, query, lengths, beam), query, any_token_but_mask(SYMBOLS))

    canvas = fully_masked(torch.tensor(lengths), PAD, RELEASED.last_set)
    return search(predict, canvas, SEARCH_ORDERS[order], beam, MASK, trace)


def by_lists(length: int, order: str, beam: int, seed: int) -> tuple[tuple[int, ...], float]:
    """The best hypothesis of one row and its summed log-probability, as the released code's search is described."""
    hypotheses = [((MASK,) * length, 0.0)]
    for step in range(length):
        candidates = []
        for canvas, score in hypotheses:
            for position in range(length if order == "easy_first" else step + 1):
                if canvas[position] == MASK:
                    log_probs = logits_at(seed, canvas, position).log_softmax(0).tolist()
                    for token in range(WORDS):
                        if token != MASK:
                            filled = (*canvas[:position], token, *canvas[position + 1 :])
                            candidates.append((filled, score + log_probs[token]))
        best: dict[tuple[int, ...], float] = {}
        for canvas, score in sorted(candidates, key=lambda candidate: -candidate[1]):
            best.setdefault(canvas, score)
        hypotheses = list(best.items())[:beam]
    return hypotheses[0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
    st.sampled_from(sorted(SEARCH_ORDERS)),
    st.integers(1, 4),
    st.integers(0, 10**6),
)
@example([5], "easy_first", 4, 4)  # where hypotheses reached twice push out the best one if they are kept
@example([5], "easy_first", 4, 6)
def test_against_lists(lengths: list[int], order: str, beam: int, seed: int) -> None:
    found = decode(lengths, order, beam, seed)
    assert found.passes.tolist() == lengths
    for row, length in enumerate(lengths):
        tokens, score = by_lists(length, order, beam, seed)
        assert tuple(found.tokens[row, :length].tolist()) == tokens
        assert (found.tokens[row, length:] == PAD).all()
        assert float(found.log_probs[row, :length].sum()) == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("easy_first", [[False, True, True, True], [False, False, False, False]]),
        ("left_to_right", [[False, True, False, False], [False, False, False, False]]),
    ],
)
def test_what_may_be_filled_next(order: str, expected: list[list[bool]]) -> None:
    masked = torch.tensor([[False, True, True, True], [False, False, False, False]])
    assert SEARCH_ORDERS[order](masked).tolist() == expected


@pytest.mark.parametrize("order", sorted(SEARCH_ORDERS))
def test_each_pass_fills_one_token_of_the_rows_that_have_one(order: str) -> None:
    trace = Trace()
    found = decode([3, 1, 2], order, 1, 5, trace)
    assert [made.rows.tolist() for made in trace.passes] == [[0, 1, 2], [0, 2], [0]]
    masks = [(made.read == MASK).sum(1).tolist() for made in trace.passes]
    assert masks == [[3, 1, 2], [2, 1], [1]]
    assert [(made.tokens == MASK).sum(1).tolist() for made in trace.passes] == [[2, 0, 1], [1, 0], [0]]
    assert trace.passes[-1].tokens[0].equal(found.tokens[0])
    if order == "left_to_right":
        assert [made.read[0].tolist().index(MASK) for made in trace.passes] == [0, 1, 2]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(2, 4), st.integers(0, 10**6))
def test_the_trace_follows_the_best_hypothesis(lengths: list[int], beam: int, seed: int) -> None:
    """Each pass reads what the one before left, and fills one token, which then stays."""
    trace = Trace()
    found = decode(lengths, "easy_first", beam, seed, trace)
    for row, length in enumerate(lengths):
        passes = trace.of_row(row, length)
        assert len(passes) == length and passes[0].read.tolist() == [MASK] * length
        for made, following in zip(passes, passes[1:]):
            assert following.read.equal(made.tokens)
        for made in passes:
            filled = made.read != made.tokens
            assert int(filled.sum()) == 1 and (made.read[filled] == MASK).all()
            assert [why == "masked" for why in made.why] == made.remasked.tolist()
            assert made.log_probs.isfinite().tolist() == (~made.remasked).tolist()
        assert passes[-1].tokens.equal(found.tokens[row, :length])
        assert passes[-1].score == pytest.approx(float(found.log_probs[row, :length].mean()), abs=1e-5)


def greedy(table: list[list[float]]) -> Predict:
    """A model whose probabilities (T, V) do not depend on the canvas."""

    def predict(query: Query) -> Prediction:
        logits = torch.tensor(table).log()[query.positions % query.visible.size(1)]
        return best_few(logits, query, words_and_end(SYMBOLS))

    return predict


def test_the_surest_is_filled_first_and_the_end_symbol_stays_at_the_end() -> None:
    # Words 3, 4, 5; the second position is surest, the last one is </s> whatever the model thinks of it.
    table = [[0.1, 0.1, 0.2, 0.3, 0.1, 0.1, 0.1], [0, 0, 0.1, 0.1, 0.8, 0, 0], [0, 0, 0.05, 0, 0, 0.95, 0]]
    trace = Trace()
    found = search(greedy(table), fully_masked(torch.tensor([3]), PAD), SEARCH_ORDERS["easy_first"], 1, MASK, trace)
    assert [made.tokens[0].tolist() for made in trace.passes] == [[MASK, 4, MASK], [3, 4, MASK], [3, 4, 2]]
    assert found.log_probs[0].exp().tolist() == pytest.approx([0.3, 0.8, 0.05])


def test_a_wider_beam_finds_what_the_first_step_hides() -> None:
    # Left to right: the word that is best in the first place leads to a bad second one.
    first = {3: 0.6, 4: 0.4}
    second = {3: {5: 0.5, 4: 0.5}, 4: {5: 1.0}}

    def predict(query: Query) -> Prediction:
        logits = torch.full((len(query.positions), WORDS), -20.0)
        for i, place in enumerate(query.positions.tolist()):
            row, position = divmod(place, 2)
            seen = int(query.visible[row, 0])
            for token, probability in (first if position == 0 else second.get(seen, {})).items():
                logits[i, token] = math.log(probability)
        return best_few(logits, query, any_token_but_mask(SYMBOLS))

    for beam, expected in ((1, 3), (2, 4)):
        canvas = fully_masked(torch.tensor([2]), PAD, RELEASED.last_set)
        found = search(predict, canvas, SEARCH_ORDERS["left_to_right"], beam, MASK)
        assert int(found.tokens[0, 0]) == expected
