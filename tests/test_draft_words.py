"""Drafts as words."""

from __future__ import annotations

import math
from typing import Any

import pytest

from fairseq_cmlm.draft import read_draft
from fairseq_cmlm.errors import TextError
from fairseq_cmlm.plugin.dictionary import MaskedDictionary

GIVEN = {
    "tokens": ["a", "<mask>", "<unk>", "</s>"],
    "probabilities": [0.5, 0.0, 1.0, 1.0],
    "masked": [False, True, False, False],
    "fixed": [False, False, False, True],
    "done": 2,
}


def dictionary() -> MaskedDictionary:
    made = MaskedDictionary()
    made.add_symbol("a")
    made.add_mask()
    return made


def test_words_become_ids() -> None:
    words = dictionary()
    draft = read_draft(words.vocabulary, **GIVEN)  # type: ignore[arg-type]
    assert draft.tokens == [words.index("a"), words.eos(), words.unk(), words.eos()]
    assert draft.masked == [False, True, False, False] and draft.done == 2
    assert draft.log_probs[0] == math.log(0.5) and -100 < draft.log_probs[1] < -60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": ["b", "a", "a", "</s>"]}, "the model's dictionary has no 'b', so the target cannot keep it"),
        ({"tokens": ["<mask>", "a", "a", "</s>"]}, "has no '<mask>'"),
        ({"tokens": ["</s>", "a", "a", "</s>"]}, "has no '</s>'"),
        ({"tokens": ["a", "a", "a", "a"]}, "tokens must end in </s>"),
        ({"tokens": ["a", "</s>"]}, "must be of one length"),
        ({"masked": []}, "must be of one length"),
        ({"done": -1}, "done must be at least 0"),
        ({"probabilities": [0.5, 1.5, 1.0, 1.0]}, "probabilities must be from 0 to 1"),
        ({"probabilities": [math.nan, 1.0, 1.0, 1.0]}, "probabilities must be from 0 to 1"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TextError, match=message):
        read_draft(dictionary().vocabulary, **{**GIVEN, **change})


def test_nothing_is_no_draft() -> None:
    with pytest.raises(TextError, match="tokens must end in </s>"):
        read_draft(dictionary().vocabulary, [], [], [], [], 0)
