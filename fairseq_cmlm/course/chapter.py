"""The parts of a chapter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional, Sequence

from fairseq_cmlm.course.results import ResultFolder
from fairseq_cmlm.course.text import Cell, Text


@dataclass(frozen=True)
class Picture:
    """A figure: what it shows, for those who do not see it, and the function that returns it as SVG."""

    alt: Text
    svg: Callable[[], str]


@dataclass(frozen=True)
class Grid:
    """A table: the headings of its columns, and rows as long."""

    head: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Exhibit:
    """Results as a part of a chapter shows them.

    values  for the placeholders of the part's prose
    groups  further tables, of parts of what the first one has
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    picture: Optional[Picture] = None
    grid: Optional[Grid] = None
    groups: Sequence[Grid] = ()


@dataclass(frozen=True)
class Part:
    """A section of a chapter, made of one kind of result.

    command  makes the results, where they lack
    make     raises LackingError where they do
    """

    title: Text
    prose: Text
    command: str
    make: Callable[[ResultFolder], Exhibit]


@dataclass(frozen=True)
class Chapter:
    """A chapter: its introduction needs no result, each part has its own.

    sources  in Markdown, the same in all languages
    """

    title: Text
    introduction: Text
    parts: Sequence[Part]
    sources: Sequence[str]
