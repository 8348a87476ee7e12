"""Filled templates in fairseq-interactive, with the given words as the user typed them."""

from __future__ import annotations

from bisect import insort
from typing import Any, Callable, Sequence

from torch import Tensor

from fairseq_cmlm.given_words import filled_text


class TypedText:
    """A tokenizer of fairseq that joins the words of a filled template to the text that was typed.

    fairseq-interactive asks a tokenizer for the text of words, hypothesis by hypothesis in the order of the lines. It
    does not say which template they fill, so the hypotheses of all lines that were read are kept before, each under its
    words, and those of equal words are given back in this order.

    tokenizer  the tokenizer of fairseq that does the rest
    words      makes words, as they will be asked for, of token ids (n,)
    """

    def __init__(self, tokenizer: Any, words: Callable[[Tensor], str]) -> None:
        self._tokenizer, self._words = tokenizer, words
        self._kept: dict[str, list[tuple[int, int, str]]] = {}

    def encode(self, x: str) -> str:
        """Return the words of a source text."""
        return str(self._tokenizer.encode(x))

    def decode(self, x: str) -> str:
        """Return the text of the words of a hypothesis, each time that of the next one with these words."""
        kept = self._kept.get(x)
        return kept.pop(0)[-1] if kept else str(self._tokenizer.decode(x))

    def drop(self) -> None:
        """Drop all hypotheses, as the next lines are read."""
        self._kept.clear()

    def keep(self, line: int, hypotheses: Sequence[dict[str, Any]]) -> None:
        """Keep the hypotheses that will be asked for, best first, of a line that was read as number `line`."""
        for rank, one in enumerate(hypotheses):
            tokens = one["tokens"].cpu()

            def text_of(begin: int, end: int, tokens: Tensor = tokens) -> str:
                return str(self._tokenizer.decode(self._words(tokens[begin:end])))

            text = filled_text(one["given"], one["fillable"].tolist(), text_of)
            insort(self._kept.setdefault(self._words(tokens), []), (line, rank, text))
