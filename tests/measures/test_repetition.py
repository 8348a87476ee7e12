from __future__ import annotations

import pytest

from fairseq_cmlm.measures.repetition import repeated_tokens


@pytest.mark.parametrize(
    ("sentences", "percent"),
    [([["a", "a", "b", "b", "b"]], 60.0), ([["a"], ["a"]], 0.0), ([[]], 0.0), ([["a", "b", "a"]], 0.0)],
)
def test_repeated_tokens(sentences: list[list[str]], percent: float) -> None:
    assert repeated_tokens(sentences) == pytest.approx(percent)
