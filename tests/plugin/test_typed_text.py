"""The order in which fairseq-interactive asks for the text of hypotheses of equal words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from fairseq_cmlm.given_words import GivenWords
from fairseq_cmlm.plugin.typed_text import TypedText


def hypothesis(words: list[int], typed: str) -> dict[str, Any]:
    """A hypothesis whose first three tokens were typed as `typed`, and whose last one is filled in."""
    return {
        "tokens": torch.tensor(words),
        "given": GivenWords([f"{typed} ", ""], [3, 0]),
        "fillable": torch.tensor([False, False, False, True]),
    }


def test_hypotheses_of_equal_words_are_told_apart_by_their_order() -> None:
    words = ["", "a", "_", "n", "b", "c"]
    tokenizer = SimpleNamespace(encode=str.upper, decode=str)
    typed = TypedText(tokenizer, lambda tokens: " ".join(words[token] for token in tokens))
    # Batches come in another order than lines.
    typed.keep(2, [hypothesis([1, 2, 3, 4], "a_ n"), hypothesis([1, 2, 3, 5], "a_ n")])
    typed.keep(0, [hypothesis([1, 2, 3, 4], "a_n"), hypothesis([1, 2, 3, 4], "a_n")])
    typed.keep(1, [hypothesis([1, 2, 3, 4], "a _ n")])
    asked = ["a _ n b", "a _ n b", "a _ n b", "a _ n b", "a _ n c"]
    assert [typed.decode(one) for one in asked] == ["a_n b", "a_n b", "a _ n b", "a_ n b", "a_ n c"]
    assert typed.decode("a _ n b") == "a _ n b", "nothing is left, and the words are joined as any others"
    typed.keep(0, [hypothesis([1, 2, 3, 4], "a_n")])
    typed.drop()
    assert typed.decode("a _ n b") == "a _ n b"
    assert typed.encode("the dog") == "THE DOG"
