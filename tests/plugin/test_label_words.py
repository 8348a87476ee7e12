"""Which words of labels are given, and which are a label's own."""

from __future__ import annotations

import pytest
from fairseq.data import Dictionary

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.plugin.label_words import labelled_targets

WORDS = ["it", "is", "good", "bad", "very", "not", "."]


def dictionary() -> Dictionary:
    made = Dictionary()
    for word in WORDS:
        made.add_symbol(word)
    return made


@pytest.mark.parametrize(
    ("labels", "own"),
    [
        (["good", "bad"], [(0, 1), (0, 1)]),
        (["it is good .", "it is bad ."], [(2, 3), (2, 3)]),
        (["it is very good .", "it is bad ."], [(2, 4), (2, 3)]),
        (["good", "good ."], [(0, 1), (0, 2)]),  # each has a token of its own
        (["good .", ". good ."], [(0, 1), (0, 2)]),
        (["it .", "it it ."], [(1, 2), (1, 3)]),
        (["good bad", "good", "bad good"], [(0, 2), (0, 1), (0, 2)]),
        (["it is good", "it is not good", "it is bad"], [(2, 3), (2, 4), (2, 3)]),
    ],
)
def test_what_all_labels_share_at_their_ends_is_given(labels: list[str], own: list[tuple[int, int]]) -> None:
    made = dictionary()
    found = labelled_targets(labels, str, made, 9)
    assert [(one.own.start, one.own.stop) for one in found] == own
    for label, one in zip(labels, found):
        assert list(one.tokens) == [*map(made.index, label.split()), made.eos()]


def test_the_longest_target_has_its_end_symbol() -> None:
    labelled_targets(["good", "very good"], str, dictionary(), 3)
    with pytest.raises(TextError, match="the label 'very good' has 2 tokens, and the model writes 1: shorten it"):
        labelled_targets(["good", "very good"], str, dictionary(), 2)
