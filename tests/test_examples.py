"""The recipes in examples/, on small sizes, in the environment that runs the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

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

    fewer = {**environment(**sizes), "UPDATES": "20"}
    done = subprocess.run(["bash", str(script), str(work)], env=fewer, capture_output=True, text=True)
    assert done.returncode == 1 and "is trained for 60 updates, and 20 are wanted" in done.stderr
    assert not (work / "checkpoints" / "20.done").exists()
