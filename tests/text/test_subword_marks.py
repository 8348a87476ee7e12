from __future__ import annotations

import pytest

from fairseq_cmlm.text.subword_marks import joined, word_around, word_borders


@pytest.mark.parametrize(
    "subwords",
    [["a", "wo@@", "l@@", "f", "howls"], ["▁a", "▁wo", "l", "f", "▁howls"]],
    ids=["subword-nmt", "sentencepiece"],
)
def test_the_marks_of_both_kinds_say_the_same(subwords: list[str]) -> None:
    assert [word_around(subwords, i) for i in range(5)] == ["a", "wolf", "wolf", "wolf", "howls"]
    begins, ends = word_borders(subwords)
    assert begins == [True, True, False, False, True] and ends == [True, False, False, True, True]
    assert joined(subwords) == "awolfhowls"
    assert word_borders([]) == ([], [])


def test_parts_of_a_word_that_was_cut_are_a_word() -> None:
    assert word_around(["lf", "▁howls"], 0) == "lf" and word_around(["a", "wo@@"], 1) == "wo"
