"""The steps of the recipes in examples/, run from the tests, with commands of the test's own in the place of others."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
STEPS = EXAMPLES / "steps"


def environment(**settings: str) -> dict[str, str]:
    """The environment for a recipe: no set-up, one thread and process, no GPU."""
    inherited = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    return {**inherited, "VENV": "active", "OMP_NUM_THREADS": "1", "WORKERS": "1", "GPUS": "0", **settings}


def run(script: Path, *arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a script of examples/ until it ends."""
    words = ["bash", str(script), *map(str, arguments)]
    return subprocess.run(words, env=environment(**settings), capture_output=True, text=True)


def run_two(script: Path, *arguments: object, **settings: str) -> list[subprocess.CompletedProcess[str]]:
    """Run a script twice at the same time."""
    words = ["bash", str(script), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(words, env=environment(**settings), **pipes) for _ in range(2)]
    ended = [(process, *process.communicate()) for process in started]
    return [subprocess.CompletedProcess(words, process.returncode, out, error) for process, out, error in ended]


def stub(folder: Path, name: str, script: str) -> None:
    """Write a command that stands before others of its name if `folder` is the first of PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/usr/bin/env bash\n{script}\n")
    (folder / name).chmod(0o755)
