"""Data to text: triples of subject, property and object, told in sentences (WebNLG, Gardent et al., ACL 2017)."""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats.example import Example
from fairseq_cmlm.formats.format import Format, Part
from fairseq_cmlm.formats.markers import FIELD, NEXT, unmarked
from fairseq_cmlm.formats.records import by_source, read_parallel
from fairseq_cmlm.measures.length_buckets import bucket_of
from fairseq_cmlm.measures.words import words

_BETWEEN_TRIPLES, _BETWEEN_PARTS = " <T> ", " | "
# "1907-07-11"^^xsd:date, "Bhajji"@en
_LITERAL = re.compile(r'^"(.*)"(?:\^\^\S+|@[A-Za-z-]+)?$')
_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Triple(NamedTuple):
    """A fact, in words: `Aarhus Airport`, `city served`, `Aarhus, Denmark`."""

    subject: str
    property: str
    object: str


def thing(name: str) -> str:
    """Return a subject or object as text.

    >>> thing("Aarhus_Airport"), thing('"1907-07-11"^^xsd:date')
    ('Aarhus Airport', '1907-07-11')
    """
    literal = _LITERAL.match(name)
    return " ".join((literal[1] if literal else name).replace("_", " ").split())


def property_name(name: str) -> str:
    """Return the words of a property's name, in lower case except abbreviations.

    >>> property_name("cityServed"), property_name("ICAO_Location_Identifier")
    ('city served', 'ICAO location identifier')
    """
    words = _WORD_BEGINS.sub(" ", name.replace("_", " ")).split()
    return " ".join(word.lower() if word[1:] == word[1:].lower() else word for word in words)


def triples_of(text: str, place: str) -> list[Triple]:
    """Read `subject | property | object <T> subject | property | object`; raise a TextError for anything else."""
    found = []
    for part in text.split(_BETWEEN_TRIPLES):
        names = [name.strip() for name in unmarked(part, place, FIELD, NEXT).split(_BETWEEN_PARTS)]
        marked = any("<t>" in name.casefold() for name in names)  # at an end, or in small letters
        if len(names) != len(Triple._fields) or not all(names) or marked:
            raise TextError(f"{place}: '{part}' is no triple: write subject | property | object, and <T> between two")
        subject, name, obj = names
        triple = Triple(thing(subject), property_name(name), thing(obj))
        if not all(triple):
            raise TextError(f"{place}: a part of '{part}' has no words: leave the record out, in all its files")
        found.append(triple)
    return found


def example(triples: str, references: tuple[str, ...] = (), place: str = "the triples") -> Example:
    """Return the example of some triples, `subject | property | object <T> ...`."""
    read = triples_of(triples, place)
    entities = list(dict.fromkeys(name for triple in read for name in (triple.subject, triple.object)))
    source = f" {NEXT} ".join(f" {FIELD} ".join(triple) for triple in read)
    return Example(source, references, details={"triples": len(read), "entities": entities})


def verbalised(example: Example) -> str:
    """Return the triples of an example as they stand, a sentence for each.

    >>> verbalised(example("Old_Mill | builtBy | Ada <T> Ada | bornIn | Elm"))
    'Old Mill built by Ada. Ada born in Elm.'
    """
    return f"{example.source.replace(f' {FIELD} ', ' ').replace(f' {NEXT} ', '. ')}."


def read(part: Part) -> Iterator[Example]:
    """Yield an example for each set of triples, in the order of their first lines: the texts are its references."""
    for triples, same in by_source(read_parallel({"triples": part.file("triples"), "text": part.file("text")})):
        texts = dict.fromkeys(record.fields["text"] for record in same)
        yield example(triples, tuple(texts), same[0].place)


DATA_TO_TEXT = Format(
    title="triples told in sentences",
    files="{split}.triples (subject | property | object <T> ...) and {split}.text, line by line",
    read=read,
    example=example,
    measures=("bleu", "chrf", "distinct_1", "distinct_2", "repeated_words", "entities", "perplexity"),
    groups={
        "triples": lambda example: str(example.details["triples"]),
        "words of the reference": lambda example: bucket_of(len(words(example.references[0]))),
    },
    grouped=("repeated_words",),
)
