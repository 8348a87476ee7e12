"""The text that a report translates, in subwords, and its references."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.files import read_lines
from fairseq_cmlm.plugin.subwords import Subwords


@dataclass(frozen=True)
class ParallelText:
    """A text, line by line.

    sources       subwords
    references    as scored
    gold_lengths  of the references in subwords, with `</s>`
    """

    sources: list[str]
    references: list[str]
    gold_lengths: list[int]


def read_parallel(source: Path, reference: Path, subwords: Subwords) -> ParallelText:
    """Read both texts, which must be line by line."""
    sources, references = read_lines(source), read_lines(reference)
    if len(sources) != len(references):
        raise TextError(f"{source} has {len(sources)} lines and {reference} {len(references)}: they must be parallel")
    if not sources:
        raise TextError(f"{source} is empty: there is nothing to report")
    lengths = [len(subwords.target(line).split()) + 1 for line in references]
    return ParallelText([subwords.source(line) for line in sources], references, lengths)
