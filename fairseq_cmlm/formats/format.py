"""What a format is: how a task's records become text for the model, and the model's text an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Optional, Protocol, Sequence

from fairseq_cmlm.formats.example import Example


class Part(NamedTuple):
    """Which of the publisher's text is read: a split (train, valid, test) of a folder; `seed` is for what is drawn."""

    folder: Path
    split: str
    seed: int = 1

    def file(self, ending: str) -> Path:
        """Return the file of the split with an ending: `train.text`."""
        return self.folder / f"{self.split}.{ending}"


class Written(Protocol):
    """What a model wrote."""

    @property
    def text(self) -> str:
        """The text, without subwords."""
        ...


class Writer(Protocol):
    """A model that writes: a Translator."""

    def translate(
        self, texts: Sequence[str], targets: Optional[Sequence[str]] = None, **options: Any
    ) -> Sequence[Written]:
        """Write a text for each of `texts`, with the templates `targets`."""
        ...


@dataclass(frozen=True)
class Format:
    """A row of FORMATS.

    title     what it is for
    files     the publisher's files of a split, as a user names them: `train.triples`
    read      the examples of a split in the publisher's files; a record that cannot be used is a TextError with file
              and line
    example   an example without references, made of what a user has
    measures  rows of MEASURES
    answer    the answer in the text that a model wrote for an example
    targets   what a model learns to write: the references, if nothing else is said
    groups    title -> the group of an example; the format's first measure is shown for each
    """

    title: str
    files: str
    read: Callable[[Part], Iterator[Example]]
    example: Callable[..., Example]
    measures: tuple[str, ...]
    answer: Callable[[Example, str], str] = lambda example, text: text
    targets: Callable[[Example], Sequence[str]] = lambda example: example.references
    groups: Mapping[str, Callable[[Example], str]] = field(default_factory=dict)

    def answers(self, writer: Writer, examples: Sequence[Example], **options: Any) -> list[str]:
        """Have a model, such as a Translator, answer some examples; `options` are those of decoding: iterations=4."""
        fixed = any(example.template is not None for example in examples)
        targets = [example.template or "<blank>" for example in examples] if fixed else None
        written = writer.translate([example.source for example in examples], targets, **options)
        return [self.answer(example, one.text) for example, one in zip(examples, written)]
