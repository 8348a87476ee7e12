from __future__ import annotations

from pathlib import Path
from typing import Optional

import pytest

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.text.parallel import Limits, reason_to_leave_out, split_file, tokenise_files
from fairseq_cmlm.text.pipeline import Side
from fairseq_cmlm.text.subwords import SubwordModel
from fairseq_cmlm.text.usual import usual_side

SIDES = usual_side("en"), usual_side("de")
LIMITS = Limits(80, 9.0)


@pytest.mark.parametrize(
    ("english", "foreign", "reason"),
    [
        ("a b", "c d", None),
        ("", "c", "empty"),
        ("a", "c d e", None),
        ("a", "c d e f", "of unlike lengths"),
        ("a b c d", "e", "of unlike lengths"),
        ("a b c d e", "f g h i j", None),
        ("a b c d e f", "f g h i j", "too long"),
    ],
)
def test_pairs_are_left_out_for_a_reason(english: str, foreign: str, reason: Optional[str]) -> None:
    assert reason_to_leave_out((english, foreign), Limits(longest=5, ratio=3.0)) == reason


def tokenise(
    folder: Path,
    english: bytes,
    german: bytes,
    limits: Optional[Limits],
    sides: tuple[Side, Side] = SIDES,
    workers: int = 1,
) -> str:
    (folder / "en").write_bytes(english)
    (folder / "de").write_bytes(german)
    files = (folder / "en", folder / "de"), (folder / "out.en", folder / "out.de")
    return tokenise_files(*files, sides, limits, workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_both_sides_stay_in_step(tmp_path: Path, workers: int) -> None:
    english = "\ufeffone\rtwo\u2028three\n\nb\xe9\nlast\x0bone\n".encode("utf-8").replace(b"\xc3\xa9", b"\xe9")
    german = b"eins zwei\t drei\nleer\nb\xe9\nletzter\n"
    told = tokenise(tmp_path, english, german, LIMITS, workers=workers)
    assert told == "kept 2 of 4 pairs; left out: 1 empty, 1 not UTF-8"
    assert (tmp_path / "out.en").read_text() == "one two three\nlast one\n"
    assert (tmp_path / "out.de").read_text() == "eins zwei drei\nletzter\n"


def test_no_line_of_a_test_set_is_left_out(tmp_path: Path) -> None:
    assert tokenise(tmp_path, b"\na b\n", b"leer\n" + b"c " * 99 + b"\n", None) == "kept 2 of 2 pairs; left out: none"
    assert (tmp_path / "out.en").read_text() == "\na b\n"
    with pytest.raises(TextError, match=r"1 lines of .*en or .*de are not UTF-8"):
        tokenise(tmp_path, b"b\xe9\n", b"c\n", None)


def test_texts_that_are_not_parallel_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="de ends before line 2 of the other side"):
        tokenise(tmp_path, b"a\nb\n", b"c\n", LIMITS)


def test_the_ratio_is_not_for_text_without_words(tmp_path: Path) -> None:
    """Japanese has no spaces, so that every sentence would be of unlike length."""
    sides = Side("en"), Side("ja")
    told = tokenise(tmp_path, b"a b c d e f g h i j k l\n", "犬が猫を見た。\n".encode(), LIMITS, sides)
    assert told == "kept 1 of 1 pairs; left out: none"


def test_words_are_split_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("the then\n\nthe &apos;s\n" * 700)
    side = Side("en", subwords=SubwordModel("subword-nmt", b"#version: 0.2\nt h\nth e</w>\n"))
    for workers in (1, 2):
        split_file(tmp_path / "words", tmp_path / "out", side, workers)
        assert (tmp_path / "out").read_text() == "the th@@ e@@ n\n\nthe &@@ a@@ p@@ o@@ s@@ ;@@ s\n" * 700
