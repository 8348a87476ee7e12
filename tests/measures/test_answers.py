"""SQuAD's measures on answers whose values are worked out by hand."""

from __future__ import annotations

import pytest

from fairseq_cmlm.measures.answers import best_of, exact_match, word_f1


@pytest.mark.parametrize(
    ("answer", "gold", "match", "f1"),
    [
        ("the King", "king.", 1, 1),
        ("An  apple\u00a0tree", "apple tree", 1, 1),
        ("anthem", "them", 0, 0),
        ("the big bad wolf", "wolf", 0, 2 * (1 / 3) / (1 / 3 + 1)),
        ("wolf wolf", "wolf", 0, 2 / 3),
        ("don't", "dont", 1, 1),
        ("", "", 1, 1),
        ("the", "", 1, 1),
        ("the", "king", 0, 0),
        ("king", "a", 0, 0),
        ("Größe", "größe", 1, 1),
    ],
)
def test_match_and_f1(answer: str, gold: str, match: int, f1: float) -> None:
    assert exact_match(answer, gold) == match
    assert word_f1(answer, gold) == pytest.approx(f1)
    assert word_f1(gold, answer) == pytest.approx(f1)


def test_the_best_of_several_answers_counts() -> None:
    assert best_of(word_f1, "red fox", ["blue", "fox", "red fox"]) == 1
    assert best_of(exact_match, "red fox", ["blue", "fox"]) == 0
