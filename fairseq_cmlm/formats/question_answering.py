"""Question answering: a question and the text that it is about, to be answered in a few words (Xu et al., ACL 2022)."""

from __future__ import annotations

from typing import Iterator

from fairseq_cmlm.formats.example import Example
from fairseq_cmlm.formats.format import Format, Part
from fairseq_cmlm.formats.lengths import length_group
from fairseq_cmlm.formats.markers import FIELD, unmarked
from fairseq_cmlm.formats.records import read_table

# The columns of FairytaleQA; `answers` holds all right answers.
_COLUMNS = ("story", "id", "attribute", "kind", "context", "question", "answer", "answers")
_BETWEEN_ANSWERS = " ||| "
_EDGES = (100, 150, 200, 300)


def example(question: str, context: str) -> Example:
    """Return the example of a question about a text."""
    question, context = (" ".join(text.split()) for text in (question, context))
    return Example(f"{unmarked(question, 'the question', FIELD)} {FIELD} {context}")


def context_of(example: Example) -> str:
    """Return the text that an example's question is about."""
    return example.source.partition(f" {FIELD} ")[2]


def question_of(example: Example) -> str:
    """Return the question of an example."""
    return example.source.partition(f" {FIELD} ")[0]


def read(part: Part) -> Iterator[Example]:
    """Yield the questions of a split, each with all of its answers."""
    for record in read_table(part.file("tsv"), _COLUMNS):
        fields = record.fields
        unmarked(fields["question"], record.place, FIELD)
        answers = [" ".join(one.split()) for one in fields["answers"].split(_BETWEEN_ANSWERS.strip())]
        references = dict.fromkeys(one for one in [fields["answer"], *answers] if one)
        details = {"kind": fields["kind"], "attribute": fields["attribute"]}
        yield Example(example(fields["question"], fields["context"]).source, tuple(references), details=details)


QUESTION_ANSWERING = Format(
    title="questions about a text, and their answers",
    files=f"{{split}}.tsv ({'<TAB>'.join(_COLUMNS)}, which its first line says; answers between |||)",
    read=read,
    example=example,
    measures=("word_f1", "exact_answer", "rouge_l"),
    groups={
        "kind": lambda example: str(example.details["kind"]),
        "length of the text": lambda example: length_group(context_of(example), _EDGES),
    },
)
