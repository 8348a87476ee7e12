"""The text that a report translates, in subwords, and its references."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.experiments.sentences import Sentence
from fairseq_cmlm.files import read_lines
from fairseq_cmlm.text.pipeline import PreparedText


@dataclass(frozen=True)
class ParallelText:
    """A text, line by line: its sentences in subwords, and the references as scored."""

    sentences: list[Sentence]
    references: list[str]

    @property
    def gold_lengths(self) -> list[int]:
        """Return the lengths of the references in subwords, `</s>` included."""
        return [sentence.target_length for sentence in self.sentences]


def read_sides(source: Path, reference: Path) -> tuple[list[str], list[str]]:
    """Read both texts, which must be line by line and not empty."""
    sources, references = read_lines(source), read_lines(reference)
    if len(sources) != len(references):
        raise TextError(f"{source} has {len(sources)} lines and {reference} {len(references)}: they must be parallel")
    if not sources:
        raise TextError(f"{source} is empty: there is nothing to translate")
    return sources, references


def read_parallel(source: Path, reference: Path, text: PreparedText) -> ParallelText:
    """Read a text with its references and split both into subwords."""
    sources, references = read_sides(source, reference)
    sentences = [
        Sentence(text.source(theirs).split(), text.target(ours).split()) for theirs, ours in zip(sources, references)
    ]
    return ParallelText(sentences, references)
