"""The interface of a format, which turns a task's records into text for the model, and its text into answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Optional, Protocol, Sequence

from fairseq_cmlm.formats.example import Example


class Part(NamedTuple):
    """A split (train, valid, test) of the publisher's files in a folder; `seed` is for random choices."""

    folder: Path
    split: str
    seed: int = 1

    def file(self, ending: str) -> Path:
        """Return the file of the split with an ending: `train.text`."""
        return self.folder / f"{self.split}.{ending}"


class Written(Protocol):
    """The text that a model wrote."""

    @property
    def text(self) -> str:
        """Return the text, without subwords."""
        ...


class Writer(Protocol):
    """A model that writes: a Translator."""

    def translate(
        self, texts: Sequence[str], targets: Optional[Sequence[str]] = None, **options: Any
    ) -> Sequence[Written]:
        """Write a text for each of `texts`, with the templates `targets`."""
        ...


Pair = tuple[str, str]  # a source and its target


def one_of_each_reference(example: Example, train: bool) -> Sequence[Pair]:
    """Return the source with each of the references; outside train with the first, so that examples are lines."""
    return [(example.source, reference) for reference in example.references[: None if train else 1]]


@dataclass(frozen=True)
class Format:
    """A row of FORMATS.

    title     what it is for
    files     the publisher's files of a split, as a user names them: `train.triples`
    read      the examples of a split in the publisher's files; a record that cannot be used is a TextError with file
              and line
    example   an example without references, made of what a user has
    measures  rows of TASK_MEASURES, the main one first: the table of all tasks shows that
    answer    the answer in the text that a model wrote for an example
    pairs     what a model learns of an example, in train (True) and elsewhere; pairs are lines of the text
    groups    title -> the group of an example
    grouped   the measures of groups beside the main one
    uncut     what its sources are, `a document`, if they mean something else when words are left out at their end
    """

    title: str
    files: str
    read: Callable[[Part], Iterator[Example]]
    example: Callable[..., Example]
    measures: tuple[str, ...]
    answer: Callable[[Example, str], str] = lambda example, text: text
    pairs: Callable[[Example, bool], Sequence[Pair]] = one_of_each_reference
    groups: Mapping[str, Callable[[Example], str]] = field(default_factory=dict)
    grouped: tuple[str, ...] = ()
    uncut: Optional[str] = None

    @property
    def main(self) -> str:
        """Return the measure that tells most."""
        return self.measures[0]

    def answers(self, writer: Writer, examples: Sequence[Example], **options: Any) -> list[str]:
        """Have a model, such as a Translator, answer some examples; `options` are those of decoding: iterations=4."""
        fixed = any(example.template is not None for example in examples)
        targets = [example.template or "<blank>" for example in examples] if fixed else None
        written = writer.translate([example.source for example in examples], targets, **options)
        return [self.answer(example, one.text) for example, one in zip(examples, written)]
