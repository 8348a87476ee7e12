from __future__ import annotations

import pytest

from fairseq_cmlm.measures.measure import Gold, Output
from fairseq_cmlm.measures.repetition import repeated_tokens, repeated_words


@pytest.mark.parametrize(
    ("sentences", "percent"),
    [([["a", "a", "b", "b", "b"]], 60.0), ([["a"], ["a"]], 0.0), ([[]], 0.0), ([["a", "b", "a"]], 0.0)],
)
def test_repeated_tokens(sentences: list[list[str]], percent: float) -> None:
    assert repeated_tokens(sentences) == pytest.approx(percent)


def test_words_are_counted_alike_with_and_without_subwords() -> None:
    """Subwords that repeat inside a word are no repetition, and case does not count."""
    texts, tokens = ["The the cat ate bananas."], [["The", "the", "cat", "ate", "ba@@", "na@@", "na@@", "s", "."]]
    found = {repeated_words(Gold([])).score(Output(texts, split)) for split in (tokens, [texts[0].split()])}
    assert found == {100 / 6}
