"""Windows over a document: which paragraphs are read together, so that none is read beyond what a model can read."""

from __future__ import annotations

from typing import Callable, Iterable, Literal, NamedTuple, Optional, Sequence

from fairseq_cmlm.decoding.lengths import LengthCandidates

_CONTEXT = 4  # at most a quarter of a window is of paragraphs that are written already


class Window(NamedTuple):
    """Paragraphs of a document: those from `first` on are read, those from `begin` until before `end` are written."""

    first: int
    begin: int
    end: int


def next_window(sizes: Sequence[tuple[int, int]], begin: int, most: tuple[int, int]) -> Window:
    """Return the window that writes as many paragraphs from `begin` on as have room, but one at least.

    sizes  tokens of each paragraph, source and target; each takes one more, for the mark behind it or `</s>`
    most   tokens that a source and a target may have

    Paragraphs before it are read again if they have room in a quarter of it.

    >>> sizes = [(3, 3), (1, 1), (5, 5), (4, 4), (9, 9)]
    >>> next_window(sizes, 0, (12, 12)), next_window(sizes, 2, (12, 12))
    (Window(first=0, begin=0, end=3), Window(first=1, begin=2, end=3))
    """
    first, end = begin, begin + 1
    while first > 0 and _fits(sizes[first - 1 : begin], (most[0] // _CONTEXT, most[1] // _CONTEXT)):
        first -= 1
    while first < begin and not _fits(sizes[first:end], most):
        first += 1
    while end < len(sizes) and _fits(sizes[first : end + 1], most):
        end += 1
    return Window(first, begin, end)


def _fits(sizes: Sequence[tuple[int, int]], most: tuple[int, int]) -> bool:
    return all(sum(side) + len(side) <= limit for side, limit in zip(zip(*sizes), most))


class Paragraph(NamedTuple):
    """A paragraph as it was read alone.

    size     tokens of the source, without `</s>`
    most     tokens of the target at most, without `</s>`
    lengths  (1, K) of the translation, with `</s>`, where they are predicted
    """

    text: str
    size: int
    most: int
    lengths: Optional[LengthCandidates] = None


class OpenDocument:
    """A document while it is written, window by window.

    written  the tokens of those that stand
    passes   of a decoder, in all windows together
    windows  how many there were
    """

    def __init__(self, paragraphs: Sequence[Paragraph]) -> None:
        self.paragraphs = paragraphs
        self.written: list[list[int]] = []
        self.passes = self.windows = 0

    @property
    def done(self) -> bool:
        """Tell whether all of it stands."""
        return len(self.written) == len(self.paragraphs)

    def next(self, most: tuple[int, int]) -> Window:
        """Return the next window of at most so many tokens, source and target."""
        begin = len(self.written)
        standing = [(one.size, len(tokens)) for one, tokens in zip(self.paragraphs, self.written)]
        return next_window([*standing, *((one.size, one.most) for one in self.paragraphs[begin:])], begin, most)

    def take(self, paragraphs: Sequence[list[int]], passes: int, windows: int = 1) -> None:
        """Take what was written next."""
        self.written += paragraphs
        self.passes += passes
        self.windows += windows


def open_documents(documents: Sequence[Sequence[str]], paragraphs: Iterable[Paragraph]) -> list[OpenDocument]:
    """Return the documents with their paragraphs as they were read, which are those of all, one after the other."""
    read = iter(paragraphs)
    return [OpenDocument([next(read) for _ in document]) for document in documents]


def texts_of(pending: Sequence[OpenDocument], windows: Sequence[Window]) -> list[list[str]]:
    """Return the texts of the paragraphs that a window of each document reads."""
    return [
        [one.text for one in document.paragraphs[window.first : window.end]]
        for document, window in zip(pending, windows)
    ]


Write = Callable[[Sequence[OpenDocument], Sequence[Window]], None]


def write_all(pending: Sequence[OpenDocument], alone: bool, most: tuple[int, int], write: Write) -> None:
    """Write documents, window after window.

    alone  each paragraph is a window of its own, without others around it
    most   tokens of a window, source and target; a paragraph with more is a window of its own
    write  writes one window of each of the documents that it gets
    """
    parts = [[OpenDocument([one]) for one in document.paragraphs] if alone else [document] for document in pending]
    while todo := [part for own in parts for part in own if not part.done]:
        write(todo, [document.next(most) for document in todo])
    if alone:
        for document, part in ((document, part) for document, own in zip(pending, parts) for part in own):
            document.take(part.written, part.passes, part.windows)


def longer(pending: Sequence[OpenDocument], most: int, side: Literal["size", "most"]) -> list[tuple[str, int]]:
    """Return where paragraphs of more than `most` tokens are, and how many they have, `</s>` included.

    side  `size`, the tokens of the source, or `most`, the most that the target may have

    >>> longer([OpenDocument([Paragraph("a", 1, 1), Paragraph("b c d", 3, 3)])], 3, "size")
    [('paragraph 2 of documents[0]', 4)]
    """
    sizes = (
        (f"paragraph {place} of documents[{number}]", getattr(paragraph, side) + 1)
        for number, document in enumerate(pending)
        for place, paragraph in enumerate(document.paragraphs, 1)
    )
    return [(place, size) for place, size in sizes if size > most]
