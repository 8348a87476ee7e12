"""examples/steps/one_table.sh, with a stub in the place of fairseq-generate."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from recipe_steps import EXAMPLES, run, stub

SCRIPT = EXAMPLES / "steps/one_table.sh"
# Tells its options, and translates two sentences: the pools better.
GENERATE = """echo "# $*"
case " $* " in *" --search-with "*) words="a big dog sleeps here" ;; *) words="a big cat sleeps here" ;; esac
for i in 0 1; do printf 'H-%s\\t-1\\t%s\\nD-%s\\t-1\\t%s\\n' $i "$words" $i "$words"; done"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    stub(tmp_path / "commands", "fairseq-generate", GENERATE)
    for name, options in {"teacher": "", "teacher-mixed": "", "plain": "", "both": "--objective hybrid"}.items():
        folder = tmp_path / "work" / "en-de" / name
        folder.mkdir(parents=True)
        (folder / "averaged.pt").touch()
        (folder / "training").write_text(f"8\nmixed, options: {options}\n")
    (tmp_path / "work" / "raw").mkdir()
    (tmp_path / "work" / "raw" / "valid.de").write_text("a big dog sleeps here\n" * 2)
    return tmp_path / "work"


def made(work: Path, *models: str) -> str:
    settings = {"PATH": f"{work.parent / 'commands'}:{os.environ['PATH']}", "PLUGIN": "plugin", "GPUS": "0"}
    settings["LENPEN"] = "3"
    done = run(SCRIPT, "multi30k", "en-de", work, *models, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_way_has_a_row_and_what_stands_is_not_decoded_again(work: Path) -> None:
    printed = made(work, "plain", "both")
    tables = (work / "en-de/valid/one_table.md").read_text().split("| output |")[1:]
    assert len(tables) == 2 and printed.endswith((work / "en-de/valid/one_table.md").read_text())

    def read_by(name: str) -> list[str]:
        return [f"T=4,{way}" for way in (f"rescored-{name}", f"planned-{name},rescored-{name}", f"pool-{name}")]

    own = ["full", "fast", "best", "full,T=4", *read_by("teacher"), *read_by("teacher-mixed")]
    hybrid = [*own, *read_by("itself"), "verified", "left-to-right"]
    names = [*(f"plain,{way}" for way in own), *(f"both,{way}" for way in hybrid)]
    for table, rival in zip(tables, ("teacher", "teacher-mixed")):
        rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")]
        longer = ["teacher,beam=5,lenpen=3", "teacher-mixed,beam=5,lenpen=3"]
        assert [row[0][2:] for row in rows] == [f"{rival},beam=5", *longer, *names]
        assert all((row[1] == "100.0") is ("pool" in row[0]) for row in rows)
    told = (work / "en-de/valid/both,verified.out").read_text()
    both = f"{work}/en-de/both/averaged.pt"
    assert f"--path {both} " in told and f"--verify-with {both} --length-beam 3 --cpu\n" in told
    planned = (work / "en-de/valid/plain,T=4,planned-teacher,rescored-teacher.out").read_text()
    teacher = f"{work}/en-de/teacher/averaged.pt"
    assert f"--decoding-iterations 4 --plan-with {teacher} --rescore-with {teacher} --cpu\n" in planned
    longer = (work / "en-de/valid/teacher,beam=5,lenpen=3.out").read_text()
    assert longer.startswith("# decoding autoregressive|beam:5|lenpen:3\n") and "--beam 5 --lenpen 3 " in longer
    causal = (work / "en-de/valid/both,left-to-right.out").read_text()
    assert causal.startswith("# decoding autoregressive|beam:5")
    assert "begin" not in made(work, "plain", "both")


def test_a_model_that_is_not_trained_is_named(work: Path) -> None:
    settings = {"PATH": f"{work.parent / 'commands'}:{os.environ['PATH']}", "PLUGIN": "plugin", "GPUS": "0"}
    done = run(SCRIPT, "multi30k", "en-de", work, "none", **settings)
    assert (
        done.returncode == 1
        and "en-de/none/averaged.pt is missing: run train.sh and average.sh, or examples" in done.stderr
    )
