"""What holds of every row of FORMATS."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats import FORMATS
from fairseq_cmlm.formats.example import Example, examples_to_json
from fairseq_cmlm.formats.format import Part
from fairseq_cmlm.formats.score import score_examples
from fairseq_cmlm.measures.table import TASK_MEASURES

# What a user gives, and the source that the model reads.
EXAMPLES = {
    "data_to_text": (["Old_Mill | builtBy | Ada"], "Old Mill → built by → Ada"),
    "paraphrase": (["it rains ."], "it rains ."),
    "infilling": (["A man <blank>."], "A man ␣ ."),
    "left_infilling": (["A man <blank>."], "A man ␣"),
    "classification": (["a fine  day", ["good", "bad"]], "a fine day"),
    "question_answering": (["Who came?", "Ada came."], "Who came? → Ada came."),
    "documents": ([["Rain  fell.", "All day."]], "Rain fell. ¶ All day."),
}


def test_every_format_has_a_row_above() -> None:
    assert set(EXAMPLES) == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_makes_a_source_of_what_a_user_gives(name: str) -> None:
    given, source = EXAMPLES[name]
    example = FORMATS[name].example(*given)
    assert example.source == source and example.references == ()


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_names_known_measures(name: str) -> None:
    assert FORMATS[name].measures and set(FORMATS[name].measures) <= set(TASK_MEASURES)
    assert "{split}" in FORMATS[name].files


@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_without_the_files_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(TextError, match=f"{tmp_path}/valid.* cannot be read"):
        list(FORMATS[name].read(Part(tmp_path, "valid")))


def test_outputs_of_one_name_are_refused(tmp_path: Path) -> None:
    """They would be one row in the confusion matrices, and two that nobody can tell apart in the table."""
    file = tmp_path / "valid.jsonl"
    file.write_text(examples_to_json("paraphrase", [Example("a", ("b",))]))
    with pytest.raises(TextError, match=r"a/o.out and \S+b/o.out would have one name in the table, o: rename"):
        score_examples([tmp_path / "a" / "o.out", tmp_path / "b" / "o.out"], file)


def test_examples_that_lack_what_their_format_reads_are_named(tmp_path: Path) -> None:
    file, output = tmp_path / "valid.jsonl", tmp_path / "o.out"
    output.write_text("S-0\ta\nH-0\t0\ta\nD-0\t0\ta\n")
    for name, details, message in (
        ("infilling", {}, "valid.jsonl have no 'kind': write them by fairseq-cmlm format"),
        ("classification", {"labels": ["x", "y"]}, "line 2 of .*valid.jsonl: the reference b is none of its labels"),
    ):
        file.write_text(examples_to_json(name, [Example("a", ("b",), details=details)]))
        with pytest.raises(TextError, match=message):
            score_examples([output], file)
