"""Proposals and who accepts them, with made-up models over lists of words."""

from __future__ import annotations

from typing import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fairseq_cmlm.decoding.loop import Query
from fairseq_cmlm.decoding.tokens import END, Prediction, Symbols
from fairseq_cmlm.decoding.verification import Prefer, Preferred, preferred, verify

SYMBOLS = Symbols(bos=0, pad=1, eos=2, mask=3)
FIRST_WORD, WORDS, LONGEST = 4, 6, 12


def greedy(sentence: int, left: list[int]) -> int:
    """A made-up autoregressive model: what follows `left`; never more than nine words."""
    number = (4 * sentence + 2 * sum(left) + 3 * len(left)) % (WORDS + 1)
    return SYMBOLS.eos if left and (number == WORDS or len(left) > 8) else FIRST_WORD + number % WORDS


def searched(sentence: int) -> list[int]:
    found: list[int] = []
    while not found or found[-1] != SYMBOLS.eos:
        found.append(greedy(sentence, found))
    return found


def test_the_searches_differ_and_have_several_words() -> None:
    assert [searched(sentence) for sentence in range(3)] == [[4, 8, 6, 7, 2], [8, 6, 7, 2], [5, 4, 8, 6, 7, 2]]


def prefer_of(size: int) -> Prefer:
    def prefer(tokens: Tensor, asked: Tensor, number: int, rows: Tensor) -> Preferred:
        assert number == int(asked.sum()) and not (tokens[asked] == SYMBOLS.mask).any()
        best = torch.full_like(tokens, SYMBOLS.pad)
        for i, row in enumerate((rows // size).tolist()):
            for t in asked[i].nonzero()[:, 0].tolist():
                best[i, t] = greedy(row, tokens[i, :t].tolist())
        return Preferred(best, -best.float() * asked)

    return prefer


def proposals(word: Callable[[int, int], int], size: int) -> Callable[[Query], Prediction]:
    """A masked model that writes word(sentence, place)."""

    def predict(query: Query) -> Prediction:
        assert query.rows is not None
        width = query.visible.size(1)
        assert (query.visible.flatten()[query.positions] == SYMBOLS.mask).all()
        rows, places = query.positions // width, query.positions % width
        sentences = query.rows[rows] // size
        found = torch.tensor([word(*one) for one in zip(sentences.tolist(), places.tolist())])
        found = torch.where(query.sets == END, SYMBOLS.eos, found)
        return Prediction(found, torch.zeros(len(found)))

    return predict


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), size=st.integers(1, 4), right=st.floats(0, 1))
def test_any_drafts_lead_to_the_greedy_search(seed: int, size: int, right: float) -> None:
    random = torch.Generator().manual_seed(seed)
    lengths = torch.randn(3, LONGEST + 1, generator=random).log_softmax(1)
    guess = torch.rand(3, LONGEST + 1, generator=random)

    def word(sentence: int, place: int) -> int:
        expected = searched(sentence)
        known = guess[sentence, place] < right and place < len(expected) - 1
        return expected[place] if known else FIRST_WORD + place % WORDS

    found = verify(proposals(word, size), prefer_of(size), lengths, torch.full((3,), LONGEST), size, SYMBOLS)
    for sentence in range(3):
        expected = searched(sentence)
        n = len(expected)
        assert found.tokens[sentence].tolist() == expected + [SYMBOLS.pad] * (LONGEST - n)
        assert found.log_probs[sentence].tolist() == [-float(one) for one in expected] + [0.0] * (LONGEST - n)
        assert 2 <= int(found.passes[sentence]) <= 2 * n


def test_a_right_draft_takes_one_round_and_a_wrong_one_a_round_a_token() -> None:
    expected, longest = searched(0), torch.tensor([LONGEST])
    right = torch.full((1, LONGEST + 1), -9.0)
    right[0, len(expected)] = 0.0
    once = verify(proposals(lambda sentence, place: expected[place], 1), prefer_of(1), right, longest, 1, SYMBOLS)
    assert once.passes.tolist() == [2]
    # Of two lengths the likelier one is wrong: the proposal that is accepted further is taken.
    right[0, 1] = 1.0
    two = verify(proposals(lambda sentence, place: expected[place], 2), prefer_of(2), right, longest, 2, SYMBOLS)
    assert two.passes.tolist() == [2] and two.tokens.equal(once.tokens)
    wrong = verify(proposals(lambda *_: 99, 1), prefer_of(1), right, longest, 1, SYMBOLS)
    assert wrong.passes.tolist() == [2 * len(expected)] and wrong.tokens.equal(once.tokens)
    # Among several lengths there is the right one.
    short = torch.tensor([[-9.0] * 2 + [0.0] * (LONGEST - 1)])
    several = verify(
        proposals(lambda sentence, place: expected[min(place, len(expected) - 2)], 9),
        prefer_of(9),
        short,
        longest,
        9,
        SYMBOLS,
    )
    assert several.passes.tolist() == [2] and several.tokens.equal(once.tokens)


def test_what_does_not_end_is_cut() -> None:
    def endless(tokens: Tensor, asked: Tensor, number: int, rows: Tensor) -> Preferred:
        return Preferred(torch.full_like(tokens, FIRST_WORD), torch.zeros(tokens.shape))

    words = proposals(lambda *_: FIRST_WORD, 2)
    found = verify(words, endless, torch.zeros(3, 9), torch.tensor([5, 3, 1]), 2, SYMBOLS)
    assert found.tokens.tolist() == [[FIRST_WORD] * n + [SYMBOLS.eos] + [SYMBOLS.pad] * (4 - n) for n in (4, 2, 0)]


@pytest.mark.parametrize(("first", "best"), [(False, 2), (True, 4)])
def test_what_may_be_preferred(first: bool, best: int) -> None:
    log_probs = torch.tensor([[0.0, 0.4, 0.3, 0.1, 0.2]]).log()
    tokens, sure = preferred(log_probs, torch.tensor([first]), [SYMBOLS.pad, SYMBOLS.mask], SYMBOLS.eos)
    assert tokens.tolist() == [best] and sure.exp().tolist() == pytest.approx([{2: 0.3, 4: 0.2}[best]])


def test_where_no_length_is_possible_the_next_one_is_drafted() -> None:
    def endless(tokens: Tensor, asked: Tensor, number: int, rows: Tensor) -> Preferred:
        return Preferred(torch.full_like(tokens, FIRST_WORD), torch.zeros(tokens.shape))

    words, lengths = proposals(lambda *_: FIRST_WORD, 2), torch.full((1, 513), float("-inf"))
    lengths[0, 5] = 0.0
    found = verify(words, endless, lengths, torch.tensor([20]), 2, SYMBOLS)
    assert found.tokens.tolist() == [[FIRST_WORD] * 19 + [SYMBOLS.eos]]
