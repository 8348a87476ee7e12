"""ROUGE-L by the library, and without it."""

from __future__ import annotations

from unittest import mock

import pytest

from fairseq_cmlm.measures.measure import Gold, Output
from fairseq_cmlm.measures.rouge import rouge_l

GOLD = Gold([["the red fox ran", "yes"], ["a fox", None]])
OUTPUT = Output(["the fox ran", "no"], [[], []])


def test_the_best_reference_counts() -> None:
    pytest.importorskip("rouge_score", reason="rouge-score is not installed: extra `applications`")
    scale = rouge_l(GOLD)
    # the fox ran: 3 of 3 and of 4 words, F1 6/7; the second has none.
    assert scale.score(OUTPUT) == pytest.approx(100 * (6 / 7 + 0) / 2)
    assert scale.signature.endswith("|stemmer:no|refs:best")


def test_without_the_library_it_says_so() -> None:
    with mock.patch.dict("sys.modules", {"rouge_score": None, "rouge_score.rouge_scorer": None}):
        scale = rouge_l(GOLD)
    assert scale.score(OUTPUT) is None and "pip install 'fairseq_cmlm[applications]'" in scale.signature
