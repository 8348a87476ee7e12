"""Beam search over (position, token) against a search written with lists."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.original import any_tokens_but_mask
from fairseq_cmlm.decoding.prediction import Prediction, Query, Symbols, most_probable_few
from fairseq_cmlm.decoding.refinement import Refined, Snapshot
from fairseq_cmlm.decoding.token_search import SEARCH_ORDERS, PredictBest, search

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


def decode(lengths: list[int], order: str, beam: int, seed: int, trace: list[Snapshot] | None = None) -> Refined:
    def predict(query: Query, size: int) -> Prediction:
        return any_tokens_but_mask(logits_of(seed, query, lengths, beam), MASK, size)

    canvas = fully_masked(torch.tensor(lengths), PAD)
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
        assert float(found.confidence[row, :length].sum()) == pytest.approx(score, abs=1e-4)


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
    trace: list[Snapshot] = []
    found = decode([3, 1, 2], order, 1, 5, trace)
    assert [snapshot.rows.tolist() for snapshot in trace] == [[0, 1, 2], [0, 2], [0]]
    masks = [(snapshot.visible == MASK).sum(1).tolist() for snapshot in trace]
    assert masks == [[3, 1, 2], [2, 1], [1]]
    assert [(snapshot.tokens == MASK).sum(1).tolist() for snapshot in trace] == [[2, 0, 1], [1, 0], [0]]
    assert trace[-1].tokens[0].equal(found.tokens[0])
    if order == "left_to_right":
        assert [snapshot.visible[0].tolist().index(MASK) for snapshot in trace] == [0, 1, 2]


def greedy(table: list[list[float]]) -> PredictBest:
    """A model whose probabilities (T, V) do not depend on the canvas."""

    def predict(query: Query, size: int) -> Prediction:
        logits = torch.tensor(table).log()[query.positions % query.visible.size(1)]
        return most_probable_few(logits, query.last, SYMBOLS, size)

    return predict


def test_the_surest_is_filled_first_and_the_end_symbol_stays_at_the_end() -> None:
    # Words 3, 4, 5; the second position is surest, the last one is </s> whatever the model thinks of it.
    table = [[0.1, 0.1, 0.2, 0.3, 0.1, 0.1, 0.1], [0, 0, 0.1, 0.1, 0.8, 0, 0], [0, 0, 0.05, 0, 0, 0.95, 0]]
    trace: list[Snapshot] = []
    found = search(greedy(table), fully_masked(torch.tensor([3]), PAD), SEARCH_ORDERS["easy_first"], 1, MASK, trace)
    assert [snapshot.tokens[0].tolist() for snapshot in trace] == [[MASK, 4, MASK], [3, 4, MASK], [3, 4, 2]]
    assert found.confidence[0].exp().tolist() == pytest.approx([0.3, 0.8, 0.05])


def test_a_wider_beam_finds_what_the_first_step_hides() -> None:
    # Left to right: the word that is best in the first place leads to a bad second one.
    first = {3: 0.6, 4: 0.4}
    second = {3: {5: 0.5, 4: 0.5}, 4: {5: 1.0}}

    def predict(query: Query, size: int) -> Prediction:
        logits = torch.full((len(query.positions), WORDS), -20.0)
        for i, place in enumerate(query.positions.tolist()):
            row, position = divmod(place, 2)
            seen = int(query.visible[row, 0])
            for token, probability in (first if position == 0 else second.get(seen, {})).items():
                logits[i, token] = math.log(probability)
        return any_tokens_but_mask(logits, MASK, size)

    for beam, expected in ((1, 3), (2, 4)):
        canvas = fully_masked(torch.tensor([2]), PAD)
        found = search(predict, canvas, SEARCH_ORDERS["left_to_right"], beam, MASK)
        assert int(found.tokens[0, 0]) == expected
