"""Parallel text for the recipes: cleaned, normalised and tokenised; Chinese words joined again.

    text.py tokenise EN FOREIGN OUTPUT_EN OUTPUT_FOREIGN --foreign ro [--clean]
    text.py join-chinese < OUTPUT_OF_FAIRSEQ_GENERATE
    text.py unzip ARCHIVE PATTERN

Tokens are those of fairseq's `--tokenizer moses` (hyphens split, characters escaped), so that fairseq-interactive takes
raw text.
"""

from __future__ import annotations

import argparse
import fnmatch
import multiprocessing
import os
import re
import shutil
import sys
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache, partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import Callable, NamedTuple, TypeVar

from sacremoses import MosesPunctNormalizer, MosesTokenizer

Pair = tuple[str, str]
Item = TypeVar("Item")
Tokenise = Callable[[str], str]

# Romanian is often typed with the cedilla letters of Turkish: ş for ș, ţ for ț.
COMMA_BELOW = str.maketrans("ŞşŢţ", "ȘșȚț")
# Characters of Chinese writing, with its punctuation.
CHINESE = "[\u2e80-\u303f\u3400-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff“”‘’…—·]"
SPACE_IN_CHINESE = re.compile(f"(?<={CHINESE}) | (?={CHINESE})")


class Limits(NamedTuple):
    """Pairs to keep: tokens of a side, at most; and of the longer side per token of the shorter."""

    longest: int
    ratio: float


@cache
def tokeniser(language: str, strip_diacritics: bool = False) -> Tokenise:
    """The function that makes text of `language` tokens with single spaces between them."""
    if language == "zh":
        return tokenise_chinese
    normalise = MosesPunctNormalizer(language, post_remove_control_chars=True).normalize
    tokenise = partial(MosesTokenizer(language).tokenize, aggressive_dash_splits=True, escape=True, return_str=True)
    if language != "ro":
        return lambda text: tokenise(normalise(text))
    letters = without_diacritics if strip_diacritics else str
    return lambda text: tokenise(normalise(letters(text.translate(COMMA_BELOW))))


def tokenise_chinese(text: str) -> str:
    """Words as rjieba finds them. Punctuation stays: the reference that is scored against is raw."""
    import rjieba  # an extra: only this language needs it

    return " ".join(word for word in rjieba.cut(text) if not word.isspace())


def without_diacritics(text: str) -> str:
    """The letters alone: ș is s, ă is a."""
    parts = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(part for part in parts if not unicodedata.combining(part)))


def tokenise_pair(
    lines: tuple[bytes, bytes], tokenisers: tuple[Tokenise, Tokenise], limits: Limits | None
) -> Pair | str:
    """The tokens of both sides, or why the pair is left out (never without `limits`)."""
    try:
        # Every kind of white space becomes one space: some tools end a line at a carriage return.
        texts = [" ".join(line.decode("utf-8").split()) for line in lines]
    except UnicodeDecodeError:
        if limits is None:
            raise
        return "not UTF-8"
    tokens = tokenisers[0](texts[0]), tokenisers[1](texts[1])
    return tokens if limits is None else reason_to_leave_out(tokens, limits) or tokens


def reason_to_leave_out(tokens: Pair, limits: Limits) -> str | None:
    """Why a pair is not to be trained on; None if it is."""
    shorter, longer = sorted(len(side.split()) for side in tokens)
    if not shorter:
        return "empty"
    if longer > limits.longest:
        return "too long"
    return "of unlike lengths" if longer > limits.ratio * shorter else None


def tokenise_chunk(
    chunk: list[tuple[bytes, bytes]], foreign: str, strip_diacritics: bool, limits: Limits | None
) -> list[Pair | str]:
    """A chunk of pairs, in a process of its own."""
    tokenisers = tokeniser("en"), tokeniser(foreign, strip_diacritics)
    return [tokenise_pair(lines, tokenisers, limits) for lines in chunk]


def pairs(english: Path, foreign: Path) -> Iterator[tuple[bytes, bytes]]:
    """The lines of two texts side by side; only a line feed ends a line."""
    with english.open("rb") as left, foreign.open("rb") as right:
        for number, (a, b) in enumerate(zip_longest(left, right), 1):
            if a is None or b is None:
                shorter = english if a is None else foreign
                sys.exit(f"text.py: {shorter} ends before line {number} of the other side: they must be line by line")
            yield a, b


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def tokenised_pairs(options: argparse.Namespace) -> Iterator[Pair | str]:
    """The tokens of each pair in order, or why it is left out."""
    limits = Limits(options.longest, options.ratio) if options.clean else None
    work = partial(tokenise_chunk, foreign=options.foreign, strip_diacritics=options.strip_diacritics, limits=limits)
    with multiprocessing.Pool(options.workers) as pool:
        # A pool reads all that it is given at once: it gets no more than it is busy with for some seconds.
        for window in chunks(chunks(pairs(options.en_text, options.foreign_text), 1000), 8 * options.workers):
            for results in pool.map(work, window, chunksize=1):
                yield from results


def tokenise(options: argparse.Namespace) -> None:
    """Tokenise both sides in step and say how many pairs were kept."""
    counts: Counter[str] = Counter()
    english, foreign = options.output_en, options.output_foreign
    with english.open("w", encoding="utf-8") as left, foreign.open("w", encoding="utf-8") as right:
        for result in tokenised_pairs(options):
            if isinstance(result, str):
                counts[result] += 1
                continue
            counts["kept"] += 1
            left.write(result[0] + "\n")
            right.write(result[1] + "\n")
    kept = counts.pop("kept", 0)
    left_out = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items())) or "none"
    print(f"kept {kept} of {kept + sum(counts.values())} pairs; left out: {left_out}")


def join_chinese(_: argparse.Namespace) -> None:
    """Take the spaces between words out of the D lines."""
    for line in sys.stdin:
        sys.stdout.write(SPACE_IN_CHINESE.sub("", line) if line.startswith("D-") else line)


def unzip(options: argparse.Namespace) -> None:
    """Write the members of the archive whose name fits the pattern, in the order of their names."""
    with zipfile.ZipFile(options.archive) as archive:
        names = sorted(fnmatch.filter(archive.namelist(), options.pattern))
        if not names:
            sys.exit(f"text.py: {options.archive} holds no {options.pattern}, but {archive.namelist()[:9]}")
        for name in names:
            with archive.open(name) as member:
                shutil.copyfileobj(member, sys.stdout.buffer)


def main() -> None:
    """Run the command given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    tokenising = commands.add_parser("tokenise")
    for name in ("en_text", "foreign_text", "output_en", "output_foreign"):
        tokenising.add_argument(name, type=Path)
    tokenising.add_argument("--foreign", required=True, help="the language that is not English")
    tokenising.add_argument("--strip-diacritics", action="store_true", help="Romanian without ă, â, î, ș, ț")
    tokenising.add_argument("--clean", action="store_true", help="leave out pairs beyond --longest and --ratio")
    tokenising.add_argument("--longest", type=int, default=80, help="tokens of a side, at most")
    tokenising.add_argument(
        "--ratio", type=float, default=9.0, help="tokens of the longer side per token of the shorter"
    )
    tokenising.add_argument("--workers", type=int, default=os.cpu_count())
    tokenising.set_defaults(run=tokenise)
    commands.add_parser("join-chinese").set_defaults(run=join_chinese)
    unzipping = commands.add_parser("unzip")
    unzipping.add_argument("archive", type=Path)
    unzipping.add_argument("pattern")
    unzipping.set_defaults(run=unzip)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
