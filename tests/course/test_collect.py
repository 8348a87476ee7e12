"""The scripts of examples/course, which fill a folder of results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from made_up_results import validation, write
from recipe_steps import EXAMPLES, environment, run, stub

from fairseq_cmlm.course.results import ResultFolder

COURSE = EXAMPLES / "course"


def test_a_model_is_described_and_its_views_are_those_of_a_sentence(
    checkpoint: Path, text: Path, tmp_path: Path
) -> None:
    sides = []
    for side in ("src", "tgt"):
        sides.append(tmp_path / side)
        sides[-1].write_text((text / f"valid.{side}").read_text().split("\n")[0] + "\n")
    words = [sys.executable, COURSE / "model.py", checkpoint, *sides, tmp_path]
    path = os.pathsep.join(filter(None, [str(EXAMPLES.parent), os.environ.get("PYTHONPATH")]))
    subprocess.run([*map(str, words)], check=True, env={**os.environ, "PYTHONPATH": path})
    results = ResultFolder(tmp_path)
    model = results.file("model", "modules")
    assert model["parameters"] > 0 and any(one["name"] == "encoder.lengths" for one in model["modules"])
    views = results.file("views", "sentences")
    (sentence,) = views["sentences"]
    assert sentence["target"] == [*sides[1].read_text().split(), "</s>"]
    for draw in sentence["draws"]:
        assert set(draw) == {"uniform", "uniform_original", "full", "glancing", "smart", "cmlmc", "amom"}
        assert draw["full"] == [[views["mask"]] * len(sentence["target"])]
        (masked,) = draw["uniform"]
        assert views["mask"] in masked
        assert {word for word in masked if word != views["mask"]} <= set(sentence["target"])
        assert len(draw["amom"]) == 2


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """What a recipe leaves behind, with logs of two variants and a report that was made before."""
    folder = tmp_path / "work"
    for side in ("en", "de"):
        write(folder / "raw" / f"valid.{side}", f"first {side}\nsecond {side}\nthird {side}\n")
    for name in ("teacher", "mixed", "other"):
        write(folder / "en-de" / name / "averaged.pt", "")
        write(folder / "en-de" / name / "train.log", "noise\n" + validation(100, 20.0))
    write(folder / "en-de" / "unfinished" / "train.log", "noise\n")
    write(
        tmp_path / "table.txt", "# a remark\nmixed | raw |\nother | raw | --lr 1\nunfinished | raw |\nnever | raw |\n"
    )
    return folder


def test_a_folder_of_results_is_filled(work: Path, tmp_path: Path) -> None:
    """The commands that need a model are stand-ins: they note what they were given, and write what is asked for."""
    noted = tmp_path / "noted"
    writes = 'for last; do :; done; echo "$*" >> NOTED; '.replace("NOTED", str(noted))
    report = f'echo "{{\\"facts\\": {{\\"command\\": \\"{work}/x\\"}}, \\"tables\\": {{}}}}" > "$made/report.json"; '
    choose = (
        'made=; for word; do [ "$before" != --output ] || made=$word; before=$word; done; '
        f'if [ "$1" = report ]; then mkdir -p "$made"; {report} else echo "{{}}" > "$made"; fi'
    )
    stub(tmp_path / "bin", "fairseq-cmlm", writes + choose)
    stub(tmp_path / "bin", "python", writes + '[ "$1" != -m ] || echo "{}" > "$last.json"')
    settings = environment(PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}", TABLES=str(tmp_path / "table.txt"))
    words = ["multi30k", "en-de", str(work), "mixed", str(tmp_path / "results"), "other"]
    settings |= {"SENTENCES": "2", "SHOWN": "1 3", "TRACED": "2,3"}
    script = ["bash", str(COURSE / "collect.sh"), *words]
    done = subprocess.run(script, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = ResultFolder(tmp_path / "results")
    assert set(results.trainings("table")) == {"mixed", "other"}
    assert set(results.trainings("long")) == {"teacher"}
    made = sorted(str(path.relative_to(results.folder)) for path in results.folder.rglob("*.json"))
    assert made == ["memory.json", "reports/mixed.json", "traces/passes.json", "traces/strategies.json"]
    report_made = json.loads((results.folder / "reports" / "mixed.json").read_text())
    assert report_made["facts"]["command"] == "WORK/x"
    assert (work / "en-de" / "course.en").read_text() == "first en\nsecond en\n"
    calls = noted.read_text().splitlines()
    assert not list(results.folder.glob("*.part"))
    assert any("--compare other=" in call and "comparison" in call for call in calls)
    # What stands is not made again; model.json, which the stand-in did not write, is.
    noted.write_text("")
    subprocess.run(script, env=settings, check=True, capture_output=True)
    assert len(noted.read_text().splitlines()) == 1
    write(results.folder / "model.json", '{"checkpoint": "other", "parameters": 1}')
    done = subprocess.run(script, env=settings, capture_output=True, text=True)
    assert done.returncode == 1 and "shows another model than mixed (model.json)" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["multi30k", "en-de", "WORK", "nowhere", "RESULTS"], "en-de/nowhere/averaged.pt is missing"),
        (["multi30k", "en-de", "WORK"], "usage: collect.sh"),
        (["nothing", "en-de", "WORK", "mixed", "RESULTS"], "there is no recipe 'nothing'"),
    ],
)
def test_a_wrong_word_is_named(work: Path, tmp_path: Path, words: list[str], message: str) -> None:
    places = {"WORK": str(work), "RESULTS": str(tmp_path / "results")}
    done = run(COURSE / "collect.sh", *(places.get(word, word) for word in words))
    assert done.returncode != 0 and message in done.stderr


def test_a_task_is_added(tmp_path: Path) -> None:
    write(tmp_path / "work" / "results.json", {"scores": {}})
    write(tmp_path / "work" / "confusion.svg", "<svg/>")
    for model in ("source-target/raw", "denoise/source-target/raw"):
        write(tmp_path / "work" / model / "train.log", "noise\n" + validation(100, 20.0))
    write(tmp_path / "work" / "steps.log", "begin\n")
    done = run(COURSE / "collect_task.sh", "sst2", f"{tmp_path / 'work'}/", tmp_path / "results")
    assert done.returncode == 0, done.stderr
    results = ResultFolder(tmp_path / "results")
    assert set(results.trainings("sst2")) == {"raw", "denoise,raw"}
    assert (results.folder / "logs" / "sst2" / "steps.txt").read_text() == "begin\n"
    assert results.tasks() == {"sst2": {"scores": {}}} and results.confusion("sst2") == "<svg/>"
    missing = run(COURSE / "collect_task.sh", "sst2", tmp_path, tmp_path / "results")
    assert missing.returncode != 0 and "results.json is missing: task.sh makes it" in missing.stderr


def test_each_size_of_a_text_is_trained_on(tmp_path: Path) -> None:
    for split, lines in (("train", 16), ("valid", 1), ("test", 1)):
        for side in ("en", "de"):
            write(tmp_path / "text" / f"{split}.{side}", "a line\n" * lines)
    # The steps run `bash`: the stand-in leaves the log that a training would.
    log = validation(10, 5.0).strip().replace("'", '"')
    script = f"case $1 in *train.sh) mkdir -p $4/en-de/raw; echo '{log}' > $4/en-de/raw/train.log;; esac"
    stub(tmp_path / "bin", "bash", script)
    (tmp_path / "bin" / "bash").write_text(f"#!/bin/sh\n{script}\n")  # `env bash` would be this one again
    settings = environment(PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    words = ["multi30k", "en-de", tmp_path / "work", tmp_path / "text", tmp_path / "results"]
    done = subprocess.run(
        ["/bin/bash", str(COURSE / "sizes.sh"), *map(str, words)], env=settings, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert set(ResultFolder(tmp_path / "results").trainings("sizes")) == {"2", "4", "8", "16"}
    part = tmp_path / "work" / "4" / "text" / "train.en"
    assert len(part.read_text().splitlines()) == 4
    # A second call leaves the texts as they are: trainings that go on refuse newer ones.
    os.utime(part, (1, 1))
    subprocess.run(
        ["/bin/bash", str(COURSE / "sizes.sh"), *map(str, words)], env=settings, capture_output=True, check=True
    )
    assert part.stat().st_mtime == 1
