from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.decoding.rules import words_and_end
from fairseq_cmlm.decoding.tokens import (
    ANY_WORD,
    END,
    FIRST_SET,
    AllowedTokens,
    Draw,
    Symbols,
    average,
    drawn,
    most_probable,
    most_probable_few,
)

SYMBOLS = Symbols(bos=0, pad=1, eos=2, mask=8)
CONTROL = [0, 1, 2, 8]
WORDS = [3, 4, 5, 6, 7]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.booleans(), min_size=1, max_size=6), st.integers(1, 9))
def test_words_inside_and_the_end_symbol_at_the_end(seed: int, last: list[bool], block: int) -> None:
    logits = torch.randn(len(last), 9, generator=torch.Generator().manual_seed(seed))
    log_probs = logits.log_softmax(dim=1)
    sets, allowed = torch.tensor([END if ends else ANY_WORD for ends in last]), words_and_end(SYMBOLS)
    found = most_probable(logits.clone().split(block, dim=1), sets, allowed)
    for row, is_last in enumerate(last):
        token = int(found.tokens[row])
        expected = 2 if is_last else max(WORDS, key=lambda word: float(log_probs[row, word]))
        assert token == expected
        assert float(found.log_probs[row]) == pytest.approx(float(log_probs[row, token]), abs=1e-5)

    few = most_probable_few(logits.clone(), sets, allowed, 5)
    assert few.tokens[:, 0].equal(found.tokens) and few.log_probs[:, 0].allclose(found.log_probs)
    for row, is_last in enumerate(last):
        tokens, values = few.tokens[row].tolist(), few.log_probs[row]
        if is_last:
            assert (values[1:] == float("-inf")).all()
        else:
            assert tokens == sorted(WORDS, key=lambda word: -float(log_probs[row, word]))
            assert values.allclose(log_probs[row, tokens], atol=1e-5)


def test_among_equals_the_first_is_the_best_however_many_are_asked_for() -> None:
    """Half precision has many equals."""
    logits = torch.randn(2000, 300, generator=torch.Generator().manual_seed(1)).mul(4).round()
    sets, allowed = torch.full((2000,), ANY_WORD), AllowedTokens(banned=(1,), end=1)
    best = most_probable([logits.clone()], sets, allowed)
    few = most_probable_few(logits.clone(), sets, allowed, 3)
    assert few.tokens[:, 0].equal(best.tokens) and few.log_probs[:, 0].allclose(best.log_probs, atol=1e-5)
    assert all(len(set(tokens)) == 3 for tokens in few.tokens.tolist())
    assert few.log_probs.equal(few.log_probs.sort(dim=1, descending=True).values)
    found = logits.gather(1, few.tokens) - logits.logsumexp(1, keepdim=True)
    assert found.allclose(few.log_probs, atol=1e-5)


def test_average_is_the_mean_of_probabilities() -> None:
    logits = [torch.randn(3, 5), torch.randn(3, 5)]
    mean = (logits[0].softmax(1) + logits[1].softmax(1)) / 2
    assert average(logits).exp().allclose(mean, atol=1e-6)


def test_one_model_is_left_as_it_is() -> None:
    logits = torch.randn(3, 5)
    assert average([logits]) is logits


def test_a_position_may_be_limited_to_some_words() -> None:
    sets = torch.tensor([[False] * 9, [True] * 9])
    sets[0, [4, 6]] = True
    allowed = AllowedTokens(tuple(CONTROL), end=2, sets=sets)
    logits = torch.randn(4, 9, generator=torch.Generator().manual_seed(3))
    logits[:, 5] = 9.0
    numbers = torch.tensor([FIRST_SET, ANY_WORD, END, FIRST_SET + 1])
    found = most_probable([logits[:, :4].clone(), logits[:, 4:].clone()], numbers, allowed)
    assert found.tokens.tolist() == [4 if logits[0, 4] > logits[0, 6] else 6, 5, 2, 5]
    # Nothing is renormalised: the probability is that among all tokens.
    assert found.log_probs.allclose(logits.log_softmax(1).gather(1, found.tokens[:, None])[:, 0], atol=1e-5)
    few = most_probable_few(logits.clone(), numbers, allowed, 3)
    assert sorted(few.tokens[0, :2].tolist()) == [4, 6] and few.log_probs[0, 2] == float("-inf")


def test_drawn_tokens_have_the_models_frequencies() -> None:
    """By as many numbers as stand evenly in [0, 1); the probability told is that among all tokens."""
    logits = torch.randn(1, 9, generator=torch.Generator().manual_seed(5))
    log_probs = logits.log_softmax(1)[0]
    numbers = (torch.arange(20000) + 0.5) / 20000
    sets = torch.full((20000,), ANY_WORD)

    def shares(temperature: float, top_p: float) -> torch.Tensor:
        found = drawn(logits.expand(20000, 9), sets, words_and_end(SYMBOLS), Draw(temperature, top_p, numbers))
        assert found.log_probs.allclose(log_probs[found.tokens], atol=1e-5)
        return torch.bincount(found.tokens, minlength=9) / 20000

    words = torch.zeros(9, dtype=torch.bool)
    words[WORDS] = True
    for temperature in (1.0, 0.5):
        expected = (logits[0] / temperature).masked_fill(~words, float("-inf")).softmax(0)
        assert shares(temperature, 1.0).allclose(expected, atol=1e-3)
    best, second = sorted(WORDS, key=lambda word: -float(logits[0, word]))[:2]
    full = logits[0].masked_fill(~words, float("-inf")).softmax(0)
    just_two = shares(1.0, float(full[best]) + 1e-3)
    assert set(just_two.nonzero().flatten().tolist()) == {best, second}
    assert set(shares(1.0, float(full[best]) - 1e-3).nonzero().flatten().tolist()) == {best}


def test_what_is_drawn_keeps_to_its_set_and_to_its_number() -> None:
    sets = torch.tensor([[False] * 9])
    sets[0, 4] = True
    allowed = AllowedTokens(tuple(CONTROL), end=2, sets=sets)
    logits = torch.randn(3, 9, generator=torch.Generator().manual_seed(3))
    kept = logits.clone()
    for number in (0.0, 0.5, 1 - 2**-24):
        numbers = torch.tensor([number] * 3)
        draw = Draw(9.0, 1.0, numbers)
        found = drawn(logits, torch.tensor([FIRST_SET, END, ANY_WORD]), allowed, draw)
        assert found.tokens[:2].tolist() == [4, 2] and int(found.tokens[2]) in WORDS
        alone = drawn(logits[2:], torch.tensor([ANY_WORD]), allowed, Draw(9.0, 1.0, numbers[2:]))
        assert alone.tokens[0] == found.tokens[2]
    assert logits.equal(kept)
