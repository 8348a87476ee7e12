"""Infilling: words, phrases and sentences that are missing from a text, with what stands to their left and right.

Source and target are the same text, in the source with a gap for what is missing. The template keeps what is given.
"""

from __future__ import annotations

import logging
import random
import re
import unicodedata
from dataclasses import replace
from typing import Callable, Iterator, NamedTuple, Optional, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats.example import Example
from fairseq_cmlm.formats.format import Format, Part
from fairseq_cmlm.formats.markers import GAP, unmarked
from fairseq_cmlm.formats.records import read_parallel

logger = logging.getLogger(__name__)
BLANK = re.compile(r"<blank[^<>]*>", re.IGNORECASE)
# A word may begin and end a span if spaces, or marks that end a phrase, are around it.
_WORD = re.compile(r"(?<!\S)\w+(?:[-'’]\w+)*(?=[.,;:!?](?!\w)|\s|$)")
_SENTENCE = re.compile(r"\S.*?[.!?](?=\s+[^\W\d_a-z]|$)")
PHRASE = (2, 6)  # words
DRAWS = 4  # draws of gaps for each text in train
MOST = 3  # spans that are missing at once in train; elsewhere one is, so that all systems fill the same


class Span(NamedTuple):
    """A part of a text, from `begin` until before `end`, and whether it is a word, a phrase or a sentence."""

    begin: int
    end: int
    kind: str


def word(text: str, draw: random.Random) -> Optional[Span]:
    """Draw a word."""
    found = [Span(*match.span(), "word") for match in _WORD.finditer(text)]
    return draw.choice(found) if len(found) > 1 else None


def phrase(text: str, draw: random.Random) -> Optional[Span]:
    """Draw several words in succession, with what stands between them."""
    found = [match.span() for match in _WORD.finditer(text)]
    size = draw.randint(*PHRASE)
    if len(found) <= size:
        return None
    first = draw.randrange(len(found) - size + 1)
    return Span(found[first][0], found[first + size - 1][1], "phrase")


def sentence(text: str, draw: random.Random) -> Optional[Span]:
    """Draw a sentence of several."""
    found = [Span(*match.span(), "sentence") for match in _SENTENCE.finditer(text)]
    return draw.choice(found) if len(found) > 1 else None


# To add a kind of gap: a function and a row.
KINDS = {"word": word, "phrase": phrase, "sentence": sentence}


def example(text: str) -> Example:
    """Return the example of a text with `<blank>`, `<blank:3>` or `<blank:1-4>` (tokens) where words are missing."""
    given = [" ".join(part.split()) for part in BLANK.split(unmarked(text, "the text", GAP))]
    if len(given) < 2:
        raise TextError(f"'{text}' has no <blank>: write one where words are missing")
    source = " ".join(BLANK.sub(f" {GAP} ", text).split())
    return Example(source, template=" ".join(text.split()), details={"given": given})


def sized(example: Example, subwords: Callable[[str], str]) -> Example:
    """Return the example with blanks of as many tokens as are missing; `subwords` makes them of text."""
    sizes = iter([len(subwords(missing).split()) for missing in example.details["missing"]])
    return replace(example, template=BLANK.sub(lambda _: f"<blank:{next(sizes)}>", example.template or ""))


def without(text: str, spans: Sequence[Span]) -> Example:
    """Return the example of a text from which spans, in their order, are missing."""
    borders = [0, *(border for span in spans for border in span[:2]), len(text)]
    parts = [text[begin:end] for begin, end in zip(borders, borders[1:])]
    made = example("<blank>".join(parts[::2]))
    details = {**made.details, "missing": parts[1::2], "kind": "+".join(span.kind for span in spans)}
    return replace(made, references=(text,), details=details)


def draw_spans(text: str, draw: random.Random, number: int) -> list[Span]:
    """Draw so many spans with words between them, in their order, or fewer where the text has no room."""
    found: list[Span] = []
    for _ in range(number):
        kinds = list(KINDS)
        draw.shuffle(kinds)
        span = next(filter(None, (KINDS[kind](text, draw) for kind in kinds)), None)
        if span and all(_apart(text, span, other) for other in found):
            found.append(span)
    return sorted(found)


def _apart(text: str, span: Span, other: Span) -> bool:
    first, second = sorted((span, other))
    return first.end <= second.begin and bool(text[first.end : second.begin].strip())


def texts_of(part: Part) -> Iterator[str]:
    """Yield the texts of a file, with letters composed; a text with markers of its own is a TextError."""
    for record in read_parallel({"text": part.file("text")}):
        text = unicodedata.normalize("NFC", unmarked(record.fields["text"], record.place, GAP))
        if "<blank" in text.casefold():
            raise TextError(f"{record.place} holds a <blank of its own: leave the line out")
        yield text


def read(part: Part) -> Iterator[Example]:
    """Yield examples of the texts in a file; warn of those that are left out.

    Left out are texts in which nothing could be missing, as in a single word, and in valid and test those with a
    character that train has not: no model can keep what its dictionary lacks.
    """
    train, left_out, unknown = part.split == "train", 0, 0
    trained = part._replace(split="train")
    known: set[str] = set()
    if not train and trained.file("text").exists():
        known = {character for text in texts_of(trained) for character in text}
    for number, text in enumerate(texts_of(part)):
        if known and not known.issuperset(text):
            unknown += 1
            continue
        drawn = []
        for turn in range(DRAWS if train else 1):
            draw = random.Random(f"{part.seed} {part.split} {number} {turn}")
            spans = draw_spans(text, draw, draw.randint(1, MOST) if train else 1)
            drawn += [without(text, spans)] if spans else []
        left_out += not drawn
        yield from drawn
    if left_out:
        logger.warning(
            f"{part.file('text')}: {left_out} texts are left out, as they have no word, phrase or sentence that "
            "could be missing beside others"
        )
    if unknown:
        logger.warning(
            f"{part.file('text')}: {unknown} texts are left out, as they have a character that {trained.file('text')} "
            "has not, which no model could keep"
        )


INFILLING = Format(
    title="what is missing from a text",
    files="{split}.text, a text a line",
    read=read,
    example=example,
    measures=("blank_exact", "blank_bleu", "kept", "bleu", "perplexity"),
    groups={"what is missing": lambda example: str(example.details["kind"])},
    uncut="a text with blanks",
)


def left_only(whole: Example) -> Example:
    """Return an example that shows only the text to the left of its first gap."""
    return replace(whole, source=f"{whole.details['given'][0]} {GAP}".strip(), template=None)


def _left_example(text: str) -> Example:
    """Return the example of a text with one blank, of which only the left is shown."""
    made = example(text)
    if len(made.details["given"]) != 2:
        raise TextError(f"'{text}' has more than one <blank>, and left_infilling fills one: write one")
    return left_only(made)


# The input of a model that writes from left to right, for comparison on the same gaps.
LEFT_INFILLING = Format(
    title="the same with what stands to the left of the gap alone, to compare with",
    files=INFILLING.files,
    read=lambda part: map(left_only, read(part)),
    example=_left_example,
    measures=INFILLING.measures,
    answer=lambda example, text: " ".join([example.details["given"][0], text, example.details["given"][1]]).strip(),
    pairs=lambda example, train: [(example.source, example.details["missing"][0])],
    groups=INFILLING.groups,
    uncut=INFILLING.uncut,
)
