"""The text that a report translates, in subwords, and its references."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.evaluation.generated import read_lines
from fairseq_cmlm.plugin.loading import make_bpe, make_tokenizer


class Subwords:
    """Text into the subwords of the models and back; without a tokenizer and codes, text is subwords."""

    def __init__(self, tokenizer: Optional[str], codes: Optional[Path], languages: tuple[str, str]) -> None:
        source, target = languages
        self._bpe = make_bpe(codes)
        # fairseq's tokenizers read the first language and write the second.
        self._source = make_tokenizer(tokenizer, Namespace(source_lang=source, target_lang=target))
        self._target = make_tokenizer(tokenizer, Namespace(source_lang=target, target_lang=target))

    def source(self, text: str) -> str:
        """The subwords of a text to translate."""
        return self._encode(self._source, text)

    def target(self, text: str) -> str:
        """The subwords of a reference."""
        return self._encode(self._target, text)

    def text(self, subwords: str) -> str:
        """The text of a translation."""
        text = self._bpe.decode(subwords) if self._bpe else subwords
        return str(self._target.decode(text) if self._target else text)

    def _encode(self, tokenizer: Any, text: str) -> str:
        tokenized = tokenizer.encode(text) if tokenizer else text
        return str(self._bpe.encode(tokenized) if self._bpe else tokenized)


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
