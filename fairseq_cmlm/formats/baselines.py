"""BASELINES: what a task can be done with without a network, trained on its examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Protocol, Sequence

from fairseq_cmlm.formats.chosen import Chosen
from fairseq_cmlm.formats.data_to_text import verbalised
from fairseq_cmlm.formats.example import Example
from fairseq_cmlm.formats.frequent_filling import FrequentFilling
from fairseq_cmlm.formats.linear_labels import LinearLabels
from fairseq_cmlm.formats.matching_sentence import MatchingSentence


class Baseline(Protocol):
    """A trained one."""

    @property
    def signature(self) -> str:
        """Say how it was made."""
        ...

    def __call__(self, examples: Sequence[Example]) -> Chosen:
        """Choose an answer for each example."""
        ...


@dataclass(frozen=True)
class Rule:
    """An answer to each example by itself, which needs no training."""

    signature: str
    answer: Callable[[Example], str]

    def __call__(self, examples: Sequence[Example]) -> Chosen:
        """Answer each example."""
        return Chosen([self.answer(example) for example in examples])


def copied(train: Sequence[Example]) -> Rule:
    """Return the rule that answers with the source."""
    return Rule("copy of the source", lambda example: example.source)


# Name of a format -> what trains its baseline.
BASELINES: dict[str, Callable[[Sequence[Example]], Baseline]] = {
    "data_to_text": lambda train: Rule("subject property object, a sentence for each triple", verbalised),
    "paraphrase": copied,
    "infilling": FrequentFilling,
    "classification": LinearLabels,
    "question_answering": MatchingSentence,
    "documents": copied,
}
