"""Repeated tokens, the mark of a decoder that mixes several translations."""

from __future__ import annotations

from typing import Sequence

from fairseq_cmlm.measures.measure import Gold, Scale
from fairseq_cmlm.measures.words import words


def repeated_tokens(sentences: Sequence[Sequence[str]]) -> float:
    """Return the share of tokens that equal the token before them, in percent (paper, section 5.1, table 3).

    >>> repeated_tokens([["a", "a", "b"], ["b"]])
    25.0
    """
    total = sum(map(len, sentences))
    repeated = sum(left == right for tokens in sentences for left, right in zip(tokens, tokens[1:]))
    return 100 * repeated / total if total else 0.0


def repetition(gold: Gold) -> Scale:
    """Prepare the share of repeated tokens, which needs no reference."""
    return Scale(lambda output: repeated_tokens(output.tokens))


def repeated_words(gold: Gold) -> Scale:
    """Prepare the share of repeated words and marks: of text, so that what has no subwords can be compared."""
    return Scale(lambda output: repeated_tokens([words(text) for text in output.texts]))
