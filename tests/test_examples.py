"""The recipes in examples/, on small sizes, in the environment that runs the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def environment(**settings: str) -> dict[str, str]:
    """The environment for a recipe: no set-up, one thread."""
    return {**os.environ, "VENV": "active", "OMP_NUM_THREADS": "1", **settings}


def recipe(*command: object, **settings: str) -> str:
    """What a recipe prints; it must succeed."""
    words = ["bash", *map(str, command)]
    done = subprocess.run(words, env=environment(**settings), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_quickstart_resumes_and_does_nothing_twice(tmp_path: Path) -> None:
    script, work = EXAMPLES / "quickstart" / "run.sh", tmp_path / "work"
    sizes = {"TRAIN_LINES": "600", "TEST_LINES": "9", "UPDATES": "60", "SAVE_EVERY": "20"}
    started = subprocess.Popen(
        ["bash", str(script), str(work)], env=environment(**sizes), stdout=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 300
    while not (work / "checkpoints" / "checkpoint_last.pt").exists():
        assert started.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()

    printed = recipe(script, work, **sizes)
    log = (work / "train.log").read_text()
    assert "Loaded checkpoint" in log
    assert "num_updates 60" in log
    for iterations in (1, 4, 10):
        assert f"| T={iterations} | " in printed
    passes = [line.split()[2:] for line in printed[printed.index("source   ") :].splitlines()[1:]]
    assert all(word.startswith("[") for word in passes[0]), "the first pass predicts everything"
    assert sum(word.startswith("[") for word in passes[-1]) <= len(passes[-1]) / 2, "the last one little"

    again = recipe(script, work, **sizes)
    assert "== training" in printed and "== training" not in again and "== making" not in again
    assert again.splitlines()[-5:] == printed.splitlines()[-5:]


def test_multi30k_from_raw_text_to_scores(text: Path, tmp_path: Path) -> None:
    raw, work = tmp_path / "raw", tmp_path / "work"
    raw.mkdir()
    for split in ("train", "valid", "test"):
        for side, language in (("src", "en"), ("tgt", "de")):
            (raw / f"{split}.{language}").write_text((text / f"{split}.{side}").read_text())
    # A model that has learned nothing takes any length: keep them short (fairseq's may be 127 more than the source's).
    short = "--max-source-positions 200 --max-target-positions 200"
    settings = {"SYSTEMS": "ours fairseq", "UPDATES": "2", "MERGES": "50", "OPTIONS": short}
    printed = recipe(EXAMPLES / "multi30k" / "run.sh", work, raw, **settings, ITERATIONS="1 4", LENGTHS="2")
    for system in ("ours", "fairseq"):
        _, _, table = printed.partition(f"== {system}")
        assert "| T=1,l=2 | " in table and "| T=4,l=2 | " in table
    assert "BLEU nrefs:1" in printed


@pytest.mark.parametrize("script", ["train.sh", "translate.sh"])
def test_multi30k_names_a_wrong_system(tmp_path: Path, script: str) -> None:
    words = ["bash", str(EXAMPLES / "multi30k" / script), "theirs", str(tmp_path), "1", "1"]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True)
    assert done.returncode == 1 and "'theirs' is neither ours nor fairseq" in done.stderr


def test_multi30k_refuses_texts_that_are_not_parallel(text: Path, tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        for language in ("en", "de"):
            (tmp_path / f"{split}.{language}").write_text("a line\n" * (2 if language == "en" else 3))
    words = ["bash", str(EXAMPLES / "multi30k" / "prepare.sh"), str(tmp_path), str(tmp_path / "work")]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True)
    assert done.returncode == 1 and "has 2 lines" in done.stderr and "has 3" in done.stderr
