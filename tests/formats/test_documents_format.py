"""Documents as a format: records, hostile files, and the pieces that a model learns from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats.documents import DOCUMENTS, PIECE, example, pieces
from fairseq_cmlm.formats.example import Example
from fairseq_cmlm.formats.format import Part

LINES = [("a b", "A  B", "one"), ("c", "C", "one"), ("d", "D", "two")]


def write(folder: Path, lines: list[tuple[str, str, str]], split: str = "train") -> Part:
    for ending, side in zip(("source", "target", "doc"), zip(*lines)):
        (folder / f"{split}.{ending}").write_text("".join(f"{line}\n" for line in side))
    return Part(folder, split)


def test_lines_with_one_name_are_one_document(tmp_path: Path) -> None:
    assert list(DOCUMENTS.read(write(tmp_path, LINES))) == [
        Example("a b ¶ c", ("A B ¶ C",), details={"document": "one"}),
        Example("d", ("D",), details={"document": "two"}),
    ]
    assert example(["a\tb", "c"]) == Example("a b ¶ c")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([*LINES, ("e", "E", "one")], "line 4 of .*train.doc is of the document 'one', which ended before"),
        ([("a ¶ b", "A", "one")], "line 1 of .*train.source holds ¶"),
        ([("a", "A¶", "one")], "line 1 of .*train.target holds ¶"),
        ([("a", " ", "one")], "line 1 of .*train.target is empty where the target should be"),
        ([("a", "A", "")], "line 1 of .*train.doc is empty where the document should be"),
    ],
)
def test_a_bad_record_is_named(tmp_path: Path, lines: list[tuple[str, str, str]], message: str) -> None:
    with pytest.raises(TextError, match=message):
        list(DOCUMENTS.read(write(tmp_path, lines)))


def document(paragraphs: int, words: int) -> Example:
    """A document whose target has one word more in each paragraph."""
    source = [" ".join([f"s{number}"] * words) for number in range(paragraphs)]
    target = [f"t {text.replace('s', 't')}" for text in source]
    whole = " ¶ ".join(source)
    return Example(whole, (" ¶ ".join(target),), details={"document": "made up"})


def test_pieces_hold_every_paragraph_with_its_translation() -> None:
    whole = document(40, 29)
    for train, times in ((False, 1), (True, 3)):
        found = pieces(whole, train)
        sides = [[part for piece in found for part in piece[side].split(" ¶ ")] for side in (0, 1)]
        assert set(Counter(sides[0]).values()) == {times} and Counter(sides[0]).keys() == set(whole.source.split(" ¶ "))
        assert [f"t {text.replace('s', 't')}" for text in sides[0]] == sides[1]
    sizes = [len(target.replace(" ¶", "").split()) for _, target in pieces(whole, True)]
    assert sizes[:8] == [PIECE] * 8, "as many paragraphs of 30 words as have room"
    assert len(set(sizes[8:-40])) > 2 and max(sizes) == PIECE, "of drawn lengths"
    assert sizes[-40:] == [30] * 40, "alone"
    assert pieces(whole, True) == pieces(whole, True)


def test_a_paragraph_is_never_cut() -> None:
    whole = document(3, 2 * PIECE)
    assert [source for source, _ in pieces(whole, False)] == whole.source.split(" ¶ ")


def test_documents_are_examples_and_pieces_are_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, LINES)
    write(tmp_path, LINES, "valid")
    main(["format", "documents", str(tmp_path), str(tmp_path / "text")])
    assert "valid.{source,target,jsonl}: 2 examples, 2 pairs" in capsys.readouterr().out
    assert (tmp_path / "text" / "valid.target").read_text() == "A B ¶ C\nD\n"
    assert (tmp_path / "text" / "train.source").read_text().startswith("a b ¶ c\n")
    with pytest.raises(SystemExit, match="a document cannot be cut after 3 words: leave --longest out"):
        main(["format", "documents", str(tmp_path), str(tmp_path / "text"), "--longest", "3"])


@pytest.mark.parametrize("document", ["one text", []])
def test_a_document_is_a_list_of_paragraphs(document: Any) -> None:
    with pytest.raises(TextError, match="a document is a list of paragraphs"):
        DOCUMENTS.example(document)
