"""Questions about texts: records, hostile files, and the best-matching sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats.format import Part
from fairseq_cmlm.formats.matching_sentence import MatchingSentence
from fairseq_cmlm.formats.question_answering import QUESTION_ANSWERING, context_of, example, question_of

HEAD = "story\tid\tattribute\tkind\tcontext\tquestion\tanswer\tanswers\n"


def test_a_record_has_all_its_answers_once(tmp_path: Path) -> None:
    answers = "a fox\ta fox ||| the  fox ||| a fox |||  ||| red"
    (tmp_path / "train.tsv").write_text(f"{HEAD}s\t1\taction\texplicit\tA fox → ran.\tWho ran?\t{answers}\n")
    (found,) = QUESTION_ANSWERING.read(Part(tmp_path, "train"))
    assert found.source == "Who ran? → A fox → ran." and found.references == ("a fox", "the fox", "red")
    assert (question_of(found), context_of(found)) == ("Who ran?", "A fox → ran.")
    assert QUESTION_ANSWERING.groups["kind"](found) == "explicit"
    assert QUESTION_ANSWERING.groups["length of the text"](found) == "0-99 words"
    assert example("Who\nran?", "A fox → ran.") == type(found)(found.source)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("s\t1\taction\texplicit\tA fox.\tWho?\tfox", "line 2 of .*train.tsv has 7 columns and should have 8"),
        ("s\t1\taction\texplicit\t \tWho?\tfox\tfox", "line 2 of .*train.tsv is empty where the context should be"),
        ("s\t1\taction\texplicit\tA fox.\tWho → why?\tfox\tfox", "line 2 of .*train.tsv holds →"),
    ],
)
def test_a_bad_record_is_named(tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "train.tsv").write_text(f"{HEAD}{row}\n")
    with pytest.raises(TextError, match=message):
        list(QUESTION_ANSWERING.read(Part(tmp_path, "train")))


def test_the_sentence_with_the_rarest_words_of_the_question_is_found() -> None:
    story = "The king had a horse. The king had a golden apple! The king slept."
    baseline = MatchingSentence([example("?", story)])
    found = baseline([example("Where was the golden apple?", story), example("Zzz?", story), example("who?", "Yes.")])
    assert found.texts == ["The king had a golden apple!", "The king had a horse.", "Yes."]


def test_the_answer_of_its_column_is_the_first_reference(tmp_path: Path) -> None:
    head = "story\tid\tattribute\tkind\tcontext\tquestion\tanswer\tanswers\n"
    row = "s\t1\taction\texplicit\tA fox ran.\tWho?\tthe fox\ta fox ||| the fox\n"
    (tmp_path / "train.tsv").write_text(head + row)
    (found,) = QUESTION_ANSWERING.read(Part(tmp_path, "train", 1))
    assert found.references == ("the fox", "a fox")
