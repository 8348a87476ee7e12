"""Measure how fast fairseq-train makes updates on a CPU, and its memory, in one or more versions of the package.

    python -m benchmarks updates --versions now=. before=../OLDER -- DATA -s en -t de --arch cmlm_base ...
        behind `--` whatever fairseq-train is given, without --user-dir

Each version trains in a process of its own, on one thread, and they take turns: some updates of one, as many of the
next. `python -m benchmarks training` repeats its batches; here each is new, as in a training, and so are their shapes,
for which oneDNN compiles kernels. `--profile` has one more round of each version tell what its operators take.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks.command import Command
from benchmarks.document import fields, ratio_cell, write_table
from benchmarks.options import positive
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments import machine
from fairseq_cmlm.experiments.timing import spread
from fairseq_cmlm.render.table import Row, Table

LEGEND = """\
target tokens/CPU s: of the median round. x: how many times as many as the first version, the median of the ratios of
all rounds (least-greatest). memory: the peak of the whole process.
"""
PROFILE_LEGEND = """\
Percent of the time that torch's operators take in one more round, without the operators that they call; those of 1 or
more in some version. The profiler's own work is in it.
"""


class Version:
    """A training of one version, in a process of its own."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        program = [sys.executable, str(Path(__file__).with_name("updates_of.py")), str(folder.resolve()), *arguments]
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.rounds: list[dict[str, float]] = []
        self.operators: dict[str, float] = {}

    def update(self, times: int, profile: bool = False) -> dict[str, Any]:
        """Make so many updates; return their tokens and seconds, the peak of memory in MB, and perhaps a profile."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(times, *["profile"] * profile, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise OptionError("the training ended: what it said stands above")
        found: dict[str, Any] = json.loads(answer)
        return found

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    @property
    def speeds(self) -> list[float]:
        """Return the target tokens a processor second, of each round."""
        return [found["tokens"] / found["seconds"] for found in self.rounds]

    def share(self, operator: str) -> float:
        """Return what an operator takes of the time of all, in percent."""
        return 100 * self.operators.get(operator, 0.0) / sum(self.operators.values())


def measure(versions: dict[str, Version], options: argparse.Namespace) -> None:
    """Fill in the rounds of the versions."""
    for version in versions.values():
        version.update(options.warm)
    for _ in range(options.rounds):
        for version in versions.values():
            version.rounds.append(version.update(options.updates))
    for version in versions.values() if options.profile else ():
        version.operators = version.update(options.updates, profile=True)["operators"]


def row_of(name: str, version: Version, first: Version) -> tuple[Row, dict[str, Any]]:
    """Return a row of the table, and the same unrounded."""
    speed = spread(version.speeds)
    ratio = spread([own / other for own, other in zip(version.speeds, first.speeds)])
    peak = version.rounds[-1]["peak"]
    row: Row = {"version": name, "target tokens/CPU s": f"{speed.median:.0f}", "x": ratio_cell(ratio)}
    details = {"speed": fields(speed), "ratio": fields(ratio), "rounds": version.rounds}
    return {**row, "memory MB": f"{peak:.0f}"}, details


def profile_of(versions: dict[str, Version]) -> Table:
    """Return the table of the operators that take a hundredth of a version's time or more, the longest first."""
    operators = dict.fromkeys(chain.from_iterable(version.operators for version in versions.values()))
    most = {one: max(version.share(one) for version in versions.values()) for one in operators}
    rows: list[Row] = [
        {"operator": one, **{name: version.share(one) for name, version in versions.items()}}
        for one in sorted(most, key=lambda one: -most[one])
        if most[one] >= 1
    ]
    return Table("Operators", rows, PROFILE_LEGEND)


def run(options: argparse.Namespace, command: str) -> str:
    """Measure, write the files and return the table."""
    versions = {name: Version(folder, options.arguments) for name, folder in options.versions.items()}
    try:
        measure(versions, options)
    finally:
        for version in versions.values():
            version.end()
    first = next(iter(versions.values()))
    rows = [row_of(name, version, first) for name, version in versions.items()]
    profiles = [profile_of(versions)] if options.profile else []
    told = {"rounds": f"{options.rounds} of {options.updates} updates, after {options.warm}", "threads": 1}
    facts = {"command": command, "machine": machine.describe("cpu"), **told}
    return write_table(options.output, "Updates", LEGEND, rows, facts, profiles)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--versions", nargs="+", default=["now=."], metavar="NAME=FOLDER", help="default: now=.")
    parser.add_argument("--warm", type=positive, default=150, metavar="N", help="updates before (default: %(default)s)")
    parser.add_argument("--updates", type=positive, default=5, metavar="N", help="of a round (default: %(default)s)")
    parser.add_argument("--rounds", type=positive, default=8, metavar="N", help="default: %(default)s")
    parser.add_argument("--profile", action="store_true", help="tell the time of the operators, too")
    parser.add_argument("arguments", nargs="+", metavar="OPTION", help="of fairseq-train, behind `--`")


def check(options: argparse.Namespace) -> None:
    """Read the versions; raise an OptionError for a folder without one."""
    versions: dict[str, Path] = {}
    for version in options.versions:
        name, _, folder = version.partition("=")
        if not name or not folder or name in versions:
            raise OptionError(f"--versions {version}: give NAME=FOLDER, as in now=., each NAME once")
        versions[name] = Path(folder)
        if not (versions[name] / "fairseq_cmlm").is_dir():
            raise OptionError(f"--versions {version}: there is no folder fairseq_cmlm in {folder}")
    options.versions = versions


main = Command("updates", __doc__, add_options, run, check)
