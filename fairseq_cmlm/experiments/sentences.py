"""Pairs of sentences in subwords, and batches of them."""

from __future__ import annotations

from typing import NamedTuple, Sequence

LONGEST = 250  # subwords, where lengths are drawn or forced; the positions of every model reach further


class Sentence(NamedTuple):
    """A source and its reference, in subwords without `</s>`."""

    source: list[str]
    target: list[str]

    @property
    def target_length(self) -> int:
        """Return the number of tokens to decode: subwords and `</s>`."""
        return len(self.target) + 1


def by_length(sentences: Sequence[Sentence]) -> list[int]:
    """Return the numbers of the sentences, shortest source first, then shortest target."""
    return sorted(range(len(sentences)), key=lambda i: (len(sentences[i].source), len(sentences[i].target)))


def batches_of(sentences: Sequence[Sentence], size: int) -> list[list[Sentence]]:
    """Return batches of `size` sentences, the last perhaps smaller, in the order of `by_length`."""
    ordered = [sentences[i] for i in by_length(sentences)]
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def widest(batches: Sequence[list[Sentence]]) -> list[Sentence]:
    """Return the batch that needs most memory: rows times the longest target."""
    return max(batches, key=lambda batch: len(batch) * max(len(sentence.target) for sentence in batch))


def lengths_around(length: int, size: int) -> list[int]:
    """Return `size` successive lengths with `length` in the middle, moved up where the first would be below 1.

    >>> lengths_around(9, 4), lengths_around(2, 5)
    ([8, 9, 10, 11], [1, 2, 3, 4, 5])
    """
    first = max(1, length - (size - 1) // 2)
    return list(range(first, first + size))
