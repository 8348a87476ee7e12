from __future__ import annotations

from pathlib import Path

import pytest

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.experiments.parallel_text import ParallelText, read_parallel
from fairseq_cmlm.experiments.sentences import Sentence
from fairseq_cmlm.plugin.prepared_text import Subwords


@pytest.fixture
def codes(tmp_path: Path) -> Path:
    path = tmp_path / "codes"
    path.write_text("#version: 0.2\nt h\nth e</w>\n")
    return path


def test_without_tokenizer_and_codes_text_is_subwords() -> None:
    as_it_is = Subwords(None, None, ("en", "fr"))
    assert (
        as_it_is.source("the d@@ og's")
        == as_it_is.target("the d@@ og's")
        == as_it_is.text("the d@@ og's")
        == "the d@@ og's"
    )


def test_raw_text_into_subwords_and_back(codes: Path) -> None:
    raw = Subwords("moses", codes, ("en", "fr"))
    assert raw.source("the c's.") == "the c &@@ a@@ p@@ o@@ s@@ ;@@ s ."
    # A French apostrophe belongs to the word before it, an English one to the one behind.
    assert raw.target("l'a") == "l@@ &@@ a@@ p@@ o@@ s@@ ; a"
    assert raw.source("l'a").split()[0] == "l"
    assert raw.text("the l@@ &apos; a .") == "the l'a."
    assert Subwords(None, codes, ("en", "fr")).text("th@@ e l@@ &apos; a .") == "the l&apos; a ."


def test_each_language_may_have_codes_of_its_own(tmp_path: Path, codes: Path) -> None:
    others = tmp_path / "others"
    others.write_text("#version: 0.2\nh e</w>\n")
    both = Subwords(None, codes, ("en", "zh"), others)
    assert (both.source("the"), both.target("the")) == ("the", "t@@ he")
    assert both.text("t@@ he") == "the"


def test_lengths_are_those_of_the_reference_in_subwords(tmp_path: Path, codes: Path) -> None:
    for name, lines in (("source", "the\n\n"), ("reference", "the a.\n\n")):
        (tmp_path / name).write_text(lines)
    text = read_parallel(tmp_path / "source", tmp_path / "reference", Subwords("moses", codes, ("en", "de")))
    assert text == ParallelText([Sentence(["the"], ["the", "a@@", "."]), Sentence([], [])], ["the a.", ""])
    assert text.gold_lengths == [4, 1]


@pytest.mark.parametrize(
    ("source", "reference", "message"),
    [("a\nb\n", "a\n", "source has 2 lines and .*reference 1"), ("", "", "source is empty")],
)
def test_texts_that_are_not_parallel_are_refused(tmp_path: Path, source: str, reference: str, message: str) -> None:
    (tmp_path / "source").write_text(source)
    (tmp_path / "reference").write_text(reference)
    with pytest.raises(TextError, match=message):
        read_parallel(tmp_path / "source", tmp_path / "reference", Subwords(None, None, ("en", "de")))
