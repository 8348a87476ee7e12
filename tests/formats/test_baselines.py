"""The simple baselines: triples as they stand, a copy, the most frequent filling, a linear model of labels."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import pytest

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats import FORMATS
from fairseq_cmlm.formats.baselines import BASELINES
from fairseq_cmlm.formats.data_to_text import example as triples
from fairseq_cmlm.formats.example import Example, examples_to_json
from fairseq_cmlm.formats.frequent_filling import FrequentFilling
from fairseq_cmlm.formats.infilling import Span, example, without
from fairseq_cmlm.formats.linear_labels import LinearLabels


def missing(text: str, *words: str) -> Example:
    begins = [text.index(word) for word in words]
    return without(text, [Span(begin, begin + len(word), "word") for begin, word in zip(begins, words)])


TRAIN = [
    missing("a red car", "red"),
    missing("a red car", "red"),
    missing("a new car", "new"),
    missing("a new boat", "new"),
    missing("the dog and the cat", "dog"),
    *[missing("one big thing", "big")] * 4,
    missing("it is late at night", "late", "night"),
]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("a <blank> car", "a red car"),  # between the same two words, though `new` is as frequent behind a
        ("a <blank> boat.", "a red boat."),  # behind the same word; of equals what came first
        ("a <blank> boat", "a new boat"),
        ("zzz <blank> zzz", "zzz big zzz"),  # of all
        ("<blank> car", "big car"),
        ("it is late at <blank>", "it is late at night"),  # the end of a text is a neighbour too
        ("is <blank> at <blank:2>", "is late at night"),
    ],
)
def test_a_blank_is_filled_with_what_was_most_frequent_there(text: str, filled: str) -> None:
    assert FrequentFilling(TRAIN)([example(text)]).texts == [filled]


@pytest.mark.parametrize(
    ("name", "examples", "texts"),
    [
        (
            "data_to_text",
            [triples('Old_Mill | builtBy | "Ada" <T> Ada | age | 9')],
            ["Old Mill built by Ada. Ada age 9."],
        ),
        ("paraphrase", [Example("it rains .")], ["it rains ."]),
    ],
)
def test_an_answer_that_needs_no_training(name: str, examples: Sequence[Example], texts: list[str]) -> None:
    assert BASELINES[name]([])(examples).texts == texts


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_is_of_a_format(name: str) -> None:
    assert name in FORMATS


def test_the_command_prints_what_score_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text(examples_to_json("infilling", TRAIN))
    main(["baseline", str(file), "--train", str(file)])
    (tmp_path / "frequent.out").write_text(capsys.readouterr().out)
    main(["score", str(tmp_path / "frequent.out"), "--examples", str(file)])
    table = capsys.readouterr().out
    assert "| frequent | 90.9 | " in table and "decoding of frequent: most frequent between the same two words" in table


def test_a_label_that_training_never_saw_is_the_last_but_not_impossible() -> None:
    """One such text in valid would decide about the temperature of all."""
    train = [Example(text, (label,)) for text, label in [("good fine", "a"), ("bad dull", "b")] * 5]
    chosen = LinearLabels(train)([Example("good", details={"labels": ["a", "b", "c"]})])
    (scores,) = chosen.label_scores or ()
    assert chosen.texts == ["a"]
    assert scores[0] > scores[1] == pytest.approx(scores[2] + 1)


def test_texts_without_words_teach_nothing() -> None:
    with pytest.raises(TextError, match="nothing can be learned from the training texts"):
        LinearLabels([Example("", (label,)) for label in "ab"])
