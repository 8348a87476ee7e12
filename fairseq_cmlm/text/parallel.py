"""Parallel text, tokenised in step and cleaned, by several processes."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections import Counter
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import Callable, Iterable, Iterator, NamedTuple, Optional, Sequence, TypeVar, Union

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.text.pipeline import Side

Pair = tuple[str, str]
Item = TypeVar("Item")
Result = TypeVar("Result")
_CHUNK = 1000  # lines
NOT_UTF8 = "not UTF-8"


class Limits(NamedTuple):
    """Limits of the pairs to keep: tokens of a side, and tokens of the longer side per token of the shorter.

    The second applies only where both sides have a tokenizer: other text may have no spaces.
    """

    longest: int
    ratio: float


def tokenise_files(
    texts: tuple[Path, Path],
    outputs: tuple[Path, Path],
    sides: tuple[Side, Side],
    limits: Optional[Limits],
    workers: int,
) -> str:
    """Write the words of both texts, line by line, and return how many pairs were kept.

    limits  of the pairs that are kept; None keeps every pair, and bytes that are not UTF-8 raise a TextError

    Only a line feed ends a line; all other white space becomes a space.
    """
    counts: Counter[str] = Counter()
    work = partial(tokenise_chunk, sides=sides, limits=limits)

    with outputs[0].open("wb") as left, outputs[1].open("wb") as right:
        for result in _in_chunks(work, _pairs(*texts), workers):
            counts[result if isinstance(result, str) else "kept"] += 1
            if not isinstance(result, str):
                left.write(f"{result[0]}\n".encode())
                right.write(f"{result[1]}\n".encode())
    if limits is None and counts[NOT_UTF8]:
        raise TextError(
            f"{counts[NOT_UTF8]} lines of {texts[0]} or {texts[1]} are not UTF-8: fairseq-cmlm check names them"
        )
    kept = counts.pop("kept", 0)
    left_out = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items())) or "none"
    if limits is not None and not kept:
        raise TextError(f"no pair of {texts[0]} and {texts[1]} is kept; left out: {left_out}")
    return f"kept {kept} of {kept + sum(counts.values())} pairs; left out: {left_out}"


def split_file(words: Path, output: Path, side: Side, workers: int) -> None:
    """Write the subwords of words, line by line."""
    with words.open("rb") as lines, output.open("wb") as file:
        for line in _in_chunks(partial(split_chunk, side=side), lines, workers):
            file.write(f"{line}\n".encode())


def tokenise_chunk(
    chunk: Sequence[tuple[bytes, bytes]], sides: tuple[Side, Side], limits: Optional[Limits]
) -> list[Union[Pair, str]]:
    """Return the words of each pair, or why it is left out."""
    return [_tokenise_pair(lines, sides, limits) for lines in chunk]


def split_chunk(chunk: Sequence[bytes], side: Side) -> list[str]:
    """Return the subwords of each line."""
    return [side.split(line.decode("utf-8").rstrip("\n")) for line in chunk]


def _tokenise_pair(lines: tuple[bytes, bytes], sides: tuple[Side, Side], limits: Optional[Limits]) -> Union[Pair, str]:
    try:
        texts = lines[0].decode("utf-8"), lines[1].decode("utf-8")
    except UnicodeDecodeError:
        return NOT_UTF8
    words = sides[0].words(texts[0]), sides[1].words(texts[1])
    if limits is None:
        return words
    spaced = all(side.tokeniser for side in sides)
    return reason_to_leave_out(words, limits if spaced else Limits(limits.longest, float("inf"))) or words


def reason_to_leave_out(words: Pair, limits: Limits) -> Optional[str]:
    """Return why a pair is left out of the training text; None if it is kept.

    >>> reason_to_leave_out(("a b c", "d"), Limits(longest=80, ratio=2.0))
    'of unlike lengths'
    """
    shorter, longer = sorted(len(side.split()) for side in words)
    if not shorter:
        return "empty"
    if longer > limits.longest:
        return "too long"
    return "of unlike lengths" if longer > limits.ratio * shorter else None


def _pairs(first: Path, second: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield the lines of two texts side by side."""
    with first.open("rb") as left, second.open("rb") as right:
        for number, (a, b) in enumerate(zip_longest(left, right), 1):
            if a is None or b is None:
                shorter = first if a is None else second
                raise TextError(f"{shorter} ends before line {number} of the other side: they must be line by line")
            yield a, b


def _in_chunks(work: Callable[[list[Item]], list[Result]], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """Apply `work` to chunks of the items, in `workers` processes, and yield its results in order."""
    chunks = _chunks(items, _CHUNK)
    if workers == 1:
        for chunk in chunks:
            yield from work(chunk)
        return
    with contextlib.closing(multiprocessing.Pool(workers)) as pool:
        # A pool reads its whole input at once, so hand it only a few seconds of work at a time.
        for window in _chunks(chunks, 8 * workers):
            for results in pool.map(work, window, chunksize=1):
                yield from results


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
