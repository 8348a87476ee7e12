"""A call of stage.py: its folder, its time, and the commands that run in it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from results import DIRECTION

from fairseq_cmlm.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
STEPS = ROOT / "examples" / "steps"


class OutOfTimeError(Exception):
    """The time of the call is over."""


@dataclass(frozen=True)
class Call:
    """One call: its folder of work, when it must end, and the device."""

    work: Path
    end: float
    device: str

    @property
    def folder(self) -> Path:
        """Return the folder of the trainings."""
        return self.work / DIRECTION

    def figures(self, name: str) -> Path:
        """Return the path of a figure."""
        return self.work / "figures" / name

    def left(self, reserve: float = 0) -> float:
        """Return the seconds left, less a reserve; none raise an OutOfTimeError."""
        seconds = self.end - time.monotonic() - reserve
        if seconds < 1:
            raise OutOfTimeError
        return seconds

    def shorter(self, seconds: float) -> Call:
        """Return the same call, which ends after so many seconds at the latest."""
        return replace(self, end=min(self.end, time.monotonic() + seconds))

    def run(self, words: list[object], log: Path, **settings: object) -> int:
        """Run a command, its output added to a log, and return its status; the end of the time ends it."""
        environment = {**os.environ, **{name: str(value) for name, value in settings.items()}}
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as output:
            command = [str(word) for word in words]
            started = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
            )
            try:
                return started.wait(self.left())
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                raise OutOfTimeError from None
            finally:
                if started.poll() is None:
                    _end(started)

    def must(self, words: list[object], log: Path, **settings: object) -> None:
        """Run a command that must succeed."""
        if self.run(words, log, **settings):
            tail = "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-15:])
            raise UserError(f"{' '.join(map(str, words))} failed:\n{tail}\nsee {log}")

    def step(self, script: str, *arguments: object, **settings: object) -> None:
        """Run a script of examples/steps, which passes over what is done."""
        words = ["bash", STEPS / f"{script}.sh", "gpu", *arguments]
        self.must(words, self.figures("steps.log"), **settings)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and what it has started; torchrun needs a moment to end processes that are in no group of ours."""
    for way in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, way)
        time.sleep(2 if way == signal.SIGTERM else 0)
    process.wait()
