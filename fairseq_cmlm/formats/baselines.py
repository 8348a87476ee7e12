"""BASELINES: what a task can be done with without a network, trained on its examples."""

from __future__ import annotations

from typing import Callable, Protocol, Sequence

from fairseq_cmlm.formats.chosen import Chosen
from fairseq_cmlm.formats.example import Example
from fairseq_cmlm.formats.linear_labels import LinearLabels
from fairseq_cmlm.formats.matching_sentence import MatchingSentence


class Baseline(Protocol):
    """A trained one; `signature` says how it was made."""

    signature: str

    def __call__(self, examples: Sequence[Example]) -> Chosen:
        """Choose an answer for each example."""
        ...


# Name of a format -> what trains its baseline.
BASELINES: dict[str, Callable[[Sequence[Example]], Baseline]] = {
    "classification": LinearLabels,
    "question_answering": MatchingSentence,
}
