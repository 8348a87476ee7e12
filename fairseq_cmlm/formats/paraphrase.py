"""Paraphrase: say the same in other words (ParaSCI, Dong et al., EACL 2021)."""

from __future__ import annotations

from typing import Iterator

from fairseq_cmlm.formats.example import Example
from fairseq_cmlm.formats.format import Format, Part
from fairseq_cmlm.formats.records import by_source, read_parallel
from fairseq_cmlm.measures.length_buckets import bucket_of
from fairseq_cmlm.measures.words import words


def example(text: str, references: tuple[str, ...] = ()) -> Example:
    """Return the example of a text, to be said in other words."""
    return Example(text, references)


def read(part: Part) -> Iterator[Example]:
    """Yield an example for each source, in the order of their first lines: its paraphrases are the references."""
    for source, same in by_source(read_parallel({"source": part.file("src"), "paraphrase": part.file("tgt")})):
        yield example(source, tuple(dict.fromkeys(record.fields["paraphrase"] for record in same)))


PARAPHRASE = Format(
    title="the same in other words",
    files="{split}.src and {split}.tgt, line by line",
    read=read,
    example=example,
    measures=("bleu", "chrf", "self_bleu", "distinct_1", "distinct_2", "repeated_words", "perplexity"),
    groups={"words of the reference": lambda example: bucket_of(len(words(example.references[0])))},
    grouped=("repeated_words",),
)
