from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.decoding.prediction import Symbols, average, most_probable, most_probable_few

SYMBOLS = Symbols(bos=0, pad=1, eos=2, mask=8)
CONTROL = [0, 1, 2, 8]
WORDS = [3, 4, 5, 6, 7]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.booleans(), min_size=1, max_size=6), st.integers(1, 9))
def test_words_inside_and_the_end_symbol_at_the_end(seed: int, last: list[bool], block: int) -> None:
    logits = torch.randn(len(last), 9, generator=torch.Generator().manual_seed(seed))
    log_probs = logits.log_softmax(dim=1)
    found = most_probable(logits.clone().split(block, dim=1), torch.tensor(last), SYMBOLS)
    for row, is_last in enumerate(last):
        token = int(found.tokens[row])
        expected = 2 if is_last else max(WORDS, key=lambda word: float(log_probs[row, word]))
        assert token == expected
        assert float(found.confidence[row]) == pytest.approx(float(log_probs[row, token]), abs=1e-5)

    few = most_probable_few(logits.clone(), torch.tensor(last), SYMBOLS, 5)
    assert few.tokens[:, 0].equal(found.tokens) and few.confidence[:, 0].allclose(found.confidence)
    for row, is_last in enumerate(last):
        tokens, values = few.tokens[row].tolist(), few.confidence[row]
        if is_last:
            assert (values[1:] == float("-inf")).all()
        else:
            assert tokens == sorted(WORDS, key=lambda word: -float(log_probs[row, word]))
            assert values.allclose(log_probs[row, tokens], atol=1e-5)


def test_average_is_the_mean_of_probabilities() -> None:
    logits = [torch.randn(3, 5), torch.randn(3, 5)]
    mean = (logits[0].softmax(1) + logits[1].softmax(1)) / 2
    assert average(logits).exp().allclose(mean, atol=1e-6)


def test_one_model_is_left_as_it_is() -> None:
    logits = torch.randn(3, 5)
    assert average([logits]) is logits
