"""Triples as text, and the files that they come in."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats import FORMATS
from fairseq_cmlm.formats.format import Part

DATA_TO_TEXT = FORMATS["data_to_text"]


@pytest.mark.parametrize(
    ("triples", "source", "entities"),
    [
        ("Old_Mill | builtBy | Ada_Stone", "Old Mill → built by → Ada Stone", ["Old Mill", "Ada Stone"]),
        (
            'Mill | opened | "1907-07-11"^^xsd:date <T> Mill | placeID_(local) | "The Hill, East"@en',
            "Mill → opened → 1907-07-11 • Mill → place ID (local) → The Hill, East",
            ["Mill", "1907-07-11", "The Hill, East"],
        ),
    ],
)
def test_triples_become_text(triples: str, source: str, entities: list[str]) -> None:
    example = DATA_TO_TEXT.example(triples)
    assert example.source == source and example.details["entities"] == entities and example.references == ()


@pytest.mark.parametrize(
    ("triples", "message"),
    [
        ("Mill | builtBy", r"the triples: 'Mill \| builtBy' is no triple: write subject"),
        ("Mill | by | Ada | Bo", "is no triple"),
        ("Mill | by | ", "is no triple"),
        ("Mill | by | Ada <T>", "is no triple"),
        ("Mill | by | Ada <t> Bo", "is no triple"),
        ("Mill | by | Ada <T> ", "is no triple"),
        ('Mill | by | ""@en', "a part of .* has no words"),
        ("_ | by | Ada", "a part of .* has no words"),
        ("Mill | by | a → b", r"the triples holds → \(U\+2192\)"),
    ],
)
def test_what_is_no_triple_is_refused(triples: str, message: str) -> None:
    with pytest.raises(TextError, match=message):
        DATA_TO_TEXT.example(triples)


def written(folder: Path, triples: str, text: str) -> Part:
    (folder / "train.triples").write_text(triples)
    (folder / "train.text").write_text(text)
    return Part(folder, "train")


def test_the_texts_of_the_same_triples_are_references_of_one_example(tmp_path: Path) -> None:
    part = written(tmp_path, "A | b | C\nA | b | C\nD | e | F\nA | b | C\n", "one\ntwo\u2028lines\nthree\none\n")
    examples = list(DATA_TO_TEXT.read(part))
    assert [(one.source, one.references) for one in examples] == [
        ("A → b → C", ("one", "two lines")),
        ("D → e → F", ("three",)),
    ]


@pytest.mark.parametrize(
    ("triples", "text", "message"),
    [
        ("A | b | C\n", "one\ntwo\n", r"train.triples has 1 lines and .*train.text 2"),
        ("A | b | C\n\n", "one\ntwo\n", r"line 2 of .*train.triples is empty where the triples should be"),
        ("A | b | C\nA | b | D\n", "one\n \u00a0\n", r"line 2 of .*train.text is empty where the text should be"),
        ("A | b | C\nA b\n", "one\ntwo\n", r"line 2 of .*train.triples: 'A b' is no triple"),
    ],
)
def test_a_bad_record_is_named(tmp_path: Path, triples: str, text: str, message: str) -> None:
    with pytest.raises(TextError, match=message):
        list(DATA_TO_TEXT.read(written(tmp_path, triples, text)))
