"""Texts with labels: records, targets of labels, hostile files."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats.classification import CLASSIFICATION, example
from fairseq_cmlm.formats.format import Part
from fairseq_cmlm.formats.lengths import length_group

HEAD = "sentence\tlabel\n"


def read(folder: Path, split: str = "train") -> list[tuple[str, tuple[str, ...], list[str]]]:
    return [(one.source, one.references, one.details["labels"]) for one in CLASSIFICATION.read(Part(folder, split))]


def test_labels_are_their_own_targets_in_the_order_of_the_alphabet(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text(f"{HEAD}a  fine\u00a0day \tWorld\nno \u201cday\u201d\tSci/Tech\n")
    (tmp_path / "valid.tsv").write_text(f"{HEAD}a day\tWorld\n")
    labels = ["Sci/Tech", "World"]
    assert read(tmp_path) == [("a fine day", ("World",), labels), ("no \u201cday\u201d", ("Sci/Tech",), labels)]
    assert read(tmp_path, "valid") == [("a day", ("World",), labels)]
    assert example("a  day", labels).source == "a day" and example("a", labels).details == {"labels": labels}


def test_a_file_tells_the_targets_of_labels(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text(f"{HEAD}a day\t1\n")
    (tmp_path / "labels.tsv").write_text("label\ttarget\n1\tit is good .\n0\tit is bad .\n")
    assert read(tmp_path) == [("a day", ("it is good .",), ["it is good .", "it is bad ."])]


@pytest.mark.parametrize(
    ("text", "labels", "message"),
    [
        (
            f"{HEAD}a\t1\nb\t2\n",
            "label\ttarget\n1\tgood\n0\tbad\n",
            "line 3 of .*train.tsv has the label '2'",
        ),
        (
            f"{HEAD}a\t1\n",
            "label\ttarget\n1\tgood\n0\tgood\n",
            "line 3 of .*labels.tsv has the label '0' or the target 'good' for the second time",
        ),
        (f"{HEAD}a\t1\n", "label\ttarget\n1\tgood\n1\tbad\n", "line 3 of .*labels.tsv has the label '1' or the target"),
        (f"{HEAD}a\t1\n", "label\ttarget\n1\tgood\n", "less than two labels"),
        (f"{HEAD}a\t1\nb\t1\n", None, "less than two labels: 1"),
        (f"{HEAD}a\t1\n\t0\n", None, "line 3 of .*train.tsv is empty where the sentence should be"),
        (f"{HEAD}a\t1\nb\n", None, "line 3 of .*train.tsv has 1 column"),
        (f"{HEAD}a\t1\nb\tc\t0\n", None, "line 3 of .*train.tsv has 3 columns"),
        ("a\t1\nb\t0\n", None, "line 1 of .*train.tsv should name the columns sentence, label"),
    ],
)
def test_a_bad_record_is_named(tmp_path: Path, text: str, labels: str | None, message: str) -> None:
    (tmp_path / "train.tsv").write_text(text)
    if labels is not None:
        (tmp_path / "labels.tsv").write_text(labels)
    with pytest.raises(TextError, match=message):
        read(tmp_path)


@pytest.mark.parametrize(
    ("words", "group"), [(0, "0-9 words"), (9, "0-9 words"), (10, "10-19 words"), (60, "60+ words"), (999, "60+ words")]
)
def test_texts_are_grouped_by_their_words(words: int, group: str) -> None:
    of_text = CLASSIFICATION.groups["length of the text"]
    assert of_text(example("w " * words, ["a", "b"])) == group


def test_a_group_has_all_from_an_edge_to_the_next() -> None:
    assert [length_group("w " * n, [2]) for n in (1, 2, 3)] == ["0-1 words", "2+ words", "2+ words"]
