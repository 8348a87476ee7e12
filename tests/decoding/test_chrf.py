from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import CHRF

from fairseq_cmlm.decoding.chrf import agreement, sentence_chrf

TEXTS = st.text("ab cé", min_size=1, max_size=20).filter(str.strip)


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_it_is_that_of_sacrebleu(text: str, reference: str) -> None:
    assert 100 * sentence_chrf(text, reference) == pytest.approx(CHRF().sentence_score(text, [reference]).score)


def test_nothing_is_like_nothing_and_like_nothing_else() -> None:
    assert sentence_chrf("", " ") == 1.0 and sentence_chrf("", "a") == sentence_chrf("a", "") == 0.0


def test_each_text_is_compared_with_all() -> None:
    texts = ["a small dog", "a small cat", "the dog"]
    expected = [sum(CHRF().sentence_score(one, [other]).score for other in texts) / 300 for one in texts]
    assert agreement(texts) == pytest.approx(expected)
