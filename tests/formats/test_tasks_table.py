"""The one table of all tasks: which system stands where, and what it does without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Optional

import pytest

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.formats import FORMATS
from fairseq_cmlm.formats.results import Provenance, TaskResults
from fairseq_cmlm.generated import Cost


def write(folder: Path, name: str, systems: dict[str, Optional[float]]) -> Path:
    """Write results in which a system has its number as passes and ten times that as seconds."""
    folder.mkdir()
    results = TaskResults(name, "valid", 9, list(systems))
    results.add(FORMATS[name].main, list(systems.values()), "")
    results.provenance = [Provenance(Cost(10.0 * i, float(i)), "d", "t") for i in range(len(systems))]
    (folder / "results.json").write_text(results.to_json())
    return folder


def rows(capsys: pytest.CaptureFixture[str], *paths: Path) -> list[list[str]]:
    capsys.readouterr()
    main(["tasks", *map(str, paths)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| task | examples | measure | model | few | many | teacher |")
    return [line.strip("| ").split(" | ") for line in lines[2:] if line.startswith("|")]


EVERYTHING = {
    **{"copy": 1.0, "teacher,beam=5": 2.0, "raw,T=10": 3.0, "raw,T=1": 4.0, "raw,T=4": 5.0, "raw,T=10,draw=1": 6.0},
    "longer-raw,beam=5": 7.0,
    "updates-raw,beam=5": 8.0,
}


@pytest.mark.parametrize(
    ("name", "systems", "expected"),
    [
        (
            "paraphrase",
            EVERYTHING,
            [
                [
                    "BLEU",
                    "raw",
                    "5.0",
                    "3.0",
                    "2.0",
                    "8.0",
                    "7.0",
                    "1.0",
                    "4.0 / 2.0 / 1.0 / 7.0 / 6.0 / 0.0",
                    "40.0 / 20.0 / 10.0 / 70.0 / 60.0 / 0.0",
                ]
            ],
        ),
        (
            "paraphrase",
            {"teacher,beam=5": 2.0, "teacher,beam=1": 9.0, "raw,T=4": 4.0},
            [["BLEU", "raw", "4.0", "-", "2.0", *"---", "2.0 / - / 0.0 / - / - / -", "20.0 / - / 0.0 / - / - / -"]],
        ),
        (
            "paraphrase",
            {"raw,T=1": 4.0},
            [["BLEU", "raw", "4.0", *"-----", "0.0 / - / - / - / - / -", "0.0 / - / - / - / - / -"]],
        ),
        (
            "paraphrase",
            {"raw,T=4": None},
            [["BLEU", "raw", *"------", "0.0 / - / - / - / - / -", "0.0 / - / - / - / - / -"]],
        ),
        (
            "left_infilling",
            {"teacher,beam=5": 2.0},
            [["exact blanks %", *"---", "2.0", *"---", *["- / - / 0.0 / - / - / -"] * 2]],
        ),
        (
            "question_answering",
            {"teacher,beam=5": 2.0, "raw,spans": 3.0, "raw,T=4": 4.0, "raw,T=10": 5.0},
            [
                [
                    "F1",
                    "raw,spans",
                    "3.0",
                    "-",
                    "2.0",
                    *"---",
                    "1.0 / - / 0.0 / - / - / -",
                    "10.0 / - / 0.0 / - / - / -",
                ],
                [
                    "F1",
                    "raw",
                    "4.0",
                    "5.0",
                    "2.0",
                    *"---",
                    "2.0 / 3.0 / 0.0 / - / - / -",
                    "20.0 / 30.0 / 0.0 / - / - / -",
                ],
            ],
        ),
        (
            "classification",
            {"linear": 1.0, "teacher,labels": 2.0, "raw,labels": 3.0, "denoised,labels": 4.0, "longer-raw,labels": 5.0},
            [
                [
                    "accuracy %",
                    "raw,labels",
                    "3.0",
                    "-",
                    "2.0",
                    "-",
                    "5.0",
                    "1.0",
                    "2.0 / - / 1.0 / - / 4.0 / 0.0",
                    "20.0 / - / 10.0 / - / 40.0 / 0.0",
                ],
                [
                    "accuracy %",
                    "denoised,labels",
                    "4.0",
                    "-",
                    "2.0",
                    *"--",
                    "1.0",
                    "3.0 / - / 1.0 / - / - / 0.0",
                    "30.0 / - / 10.0 / - / - / 0.0",
                ],
            ],
        ),
    ],
)
def test_every_system_stands_in_its_column(
    name: str,
    systems: dict[str, Optional[float]],
    expected: list[list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write(tmp_path / "mine", name, systems)
    found = rows(capsys, folder)
    assert [[*row[:10], *row[11:]] for row in found] == [["mine", "9", *row] for row in expected]
    assert {row[10] for row in found} == {"- / - / - / - / - / -"}, "the results have no length ratio"
    results = json.loads((folder / "results.json").read_text())
    results["scores"]["length_ratio"] = [i / 10 for i in range(len(systems))]
    results["signatures"]["length_ratio"] = ""
    (folder / "results.json").write_text(json.dumps(results))
    passes = [row[11].split(" / ") for row in rows(capsys, folder)]
    ratios = [row[10].split(" / ") for row in rows(capsys, folder)]
    assert ratios == [["-" if one == "-" else f"{float(one) / 10:.2f}" for one in row] for row in passes]


def test_tasks_stand_in_the_order_that_is_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (write(tmp_path / name, "paraphrase", EVERYTHING) for name in ("one", "other"))
    assert [row[0] for row in rows(capsys, other, one / "results.json")] == ["other", "one"]
    kept = (one / "results.json").rename(tmp_path / "paraphrase.json")
    assert [row[0] for row in rows(capsys, kept)] == ["paraphrase"], "results that were put beside others"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{", "", "results.json is no file of results: give what fairseq-cmlm score --json wrote"),
        ('"systems"', '"system"', "is no file of results"),
        ('"scores": {', '"scores": {"bleu": 3}, "other": {', "is no file of results"),
        ('"paraphrase"', '"poem"', "has the format 'poem', which is none of"),
        ("   2.0,\n", "", "has not a score of every measure for each system"),
    ],
)
def test_damaged_results_are_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    file = write(tmp_path / "mine", "paraphrase", EVERYTHING) / "results.json"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(SystemExit, match=message):
        main(["tasks", str(file)])


def test_the_table_in_the_documents_is_that_of_the_results(capsys: pytest.CaptureFixture[str]) -> None:
    docs = Path(__file__).parents[2] / "docs"
    capsys.readouterr()
    main(["tasks", *map(str, sorted((docs / "course" / "results" / "tasks").glob("*.json")))])
    assert capsys.readouterr().out.strip() in (docs / "results" / "applications.md").read_text()
