"""Documents: texts of many paragraphs, translated paragraph by paragraph but read as a whole."""

from __future__ import annotations

import random
from itertools import groupby
from typing import Callable, Iterator, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats.example import Example
from fairseq_cmlm.formats.format import Format, Pair, Part
from fairseq_cmlm.formats.lengths import length_group
from fairseq_cmlm.formats.markers import unmarked
from fairseq_cmlm.formats.records import Record, read_parallel
from fairseq_cmlm.text.paragraphs import PARAGRAPH, in_one_line, paragraphs_of

# Words of the longer side of a piece of a document, which is what a model learns from; a paragraph is never cut.
PIECE = 150
_EDGES = (100, 200, 400, 800)


def example(document: Sequence[str]) -> Example:
    """Return the example of a document, its paragraphs; raise a TextError if there are none."""
    if isinstance(document, str) or not document:
        raise TextError(f"a document is a list of paragraphs, and this is {document!r}")
    paragraphs = [" ".join(unmarked(paragraph, "the document", PARAGRAPH).split()) for paragraph in document]
    return Example(in_one_line(paragraphs))


def read(part: Part) -> Iterator[Example]:
    """Yield the documents of a split: successive lines that have the same name."""
    files = {"source": part.file("source"), "target": part.file("target"), "document": part.file("doc")}
    seen: set[str] = set()
    for name, lines in groupby(read_parallel(files), key=lambda record: record.fields["document"]):
        records = list(lines)
        if name in seen:
            place = records[0].places["document"]
            raise TextError(f"{place} is of the document '{name}', which ended before: its lines must follow")
        seen.add(name)
        source, target = (_side(records, side) for side in ("source", "target"))
        yield Example(source, (target,), details={"document": name})


def _side(records: Sequence[Record], side: str) -> str:
    return in_one_line(unmarked(record.fields[side], record.places[side], PARAGRAPH) for record in records)


def pieces(document: Example, train: bool) -> list[Pair]:
    """Return the pieces of a document that a model learns from: successive paragraphs.

    In train each paragraph is in three of them: one as long as a piece may be, one of a length that is drawn, so that
    it is met at any place, and alone, as it is read for the length of its translation. Elsewhere it is in one of the
    first kind.
    """
    paragraphs = list(zip(*map(paragraphs_of, (document.source, document.references[0]))))
    draw = random.Random(document.source)
    found = _cut(paragraphs, lambda: PIECE)
    return found + _cut(paragraphs, lambda: draw.randint(1, PIECE)) + paragraphs if train else found


def _cut(paragraphs: Sequence[Pair], longest: Callable[[], int]) -> list[Pair]:
    """Cut a document into pieces, each of so many words as `longest()` says, or of one paragraph."""
    found: list[list[Pair]] = []
    piece: list[Pair] = []
    room = longest()
    for pair in paragraphs:
        size = max(len(side.split()) for side in pair)
        if piece and size > room:
            found.append(piece)
            piece, room = [], longest()
        piece.append(pair)
        room -= size
    return [_joined(one) for one in [*found, piece]]


def _joined(piece: Sequence[Pair]) -> Pair:
    source, target = map(in_one_line, zip(*piece))
    return source, target


DOCUMENTS = Format(
    title="documents of many paragraphs, translated",
    files="{split}.source and {split}.target, a paragraph a line, and {split}.doc, the name of each line's document",
    read=read,
    example=example,
    measures=("document_bleu", "document_chrf", "terms"),
    pairs=pieces,
    groups={"words of the source": lambda example: length_group(example.source, _EDGES)},
    uncut="a document",
)
