"""The simple filling of a blank: what most often stood between the same two words, in the training text."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Iterator, Sequence

from fairseq_cmlm.formats.chosen import Chosen
from fairseq_cmlm.formats.example import Example
from fairseq_cmlm.formats.infilling import BLANK

_Around = tuple[str, ...]


class FrequentFilling:
    """Counts of what was missing between two words, behind one word, and anywhere: the first of these that is known."""

    signature = "most frequent between the same two words, else behind the same word, else of all"

    def __init__(self, train: Sequence[Example]) -> None:
        self._counts: dict[_Around, Counter[str]] = defaultdict(Counter)
        for example in train:
            for missing, places in zip(example.details["missing"], _around(example)):
                for place in places:
                    self._counts[place][missing] += 1

    def __call__(self, examples: Sequence[Example]) -> Chosen:
        """Fill the blanks of each."""
        return Chosen([self._filled(example) for example in examples])

    def _filled(self, example: Example) -> str:
        fillings = (next(filter(None, map(self._best, places))) for places in _around(example))
        return BLANK.sub(lambda _: next(fillings), example.template or "")

    def _best(self, place: _Around) -> str:
        return max(counts, key=counts.__getitem__) if (counts := self._counts.get(place)) else ""


def _around(example: Example) -> Iterator[Sequence[_Around]]:
    """Yield for each blank the words beside it: both, the left one, none. At an edge the word is empty."""
    given = [part.split() or [""] for part in example.details["given"]]
    for left, right in zip(given, given[1:]):
        yield (left[-1], right[0]), (left[-1],), ()
