"""Gather what a machine without a network needs, in parts of a size; install.py of the output installs it there.

    python examples/gpu/bundle.py OUTPUT --python 3.12 [--work WORK] [--have HAVE.txt] [--part 15]

OUTPUT receives install.py and the parts: wheels of this package and of all that it needs but torch, the source with
benchmarks, tests and recipes, and WORK/{raw,tokens/valid,tokens/test,bpe,data}, which prepare.sh made. Nothing is
compiled on the other machine: what has no wheel for its Python is built here, if this Python is of the same version.
HAVE.txt says what is installed there (`pip list --format=freeze`), and is left out where it fits. pip's settings hold:
PIP_NO_INDEX=1 PIP_FIND_LINKS=FOLDER gathers from a folder of wheels.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Optional

from parts import MEGABYTE, pack
from pip._vendor.packaging.requirements import Requirement
from wheels import TORCH, Distribution, holds, in_wheel, named, satisfied

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# Beside the package itself: for its plots, and for the tests.
MORE = ("matplotlib", "pytest", "hypothesis")
NOT_SOURCE = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "work", "*.pyc", "*.png")
WORK = ("raw", "tokens/valid", "tokens/test", "bpe", "data")


class Gathering:
    """The wheels of one Python, in a folder.

    python  version of the target, as in 3.12
    glibc   the newest minor version of glibc 2 that a wheel may need
    have    what the target has, by name; a version of "" is any
    """

    def __init__(self, folder: Path, python: str, glibc: int, have: Mapping[str, Distribution]) -> None:
        self.folder, self.python, self._have = folder, python, have
        machine = platform.machine()
        tags = [f"manylinux_2_{minor}_{machine}" for minor in range(glibc, 4, -1)]
        tags += [f"manylinux{old}_{machine}" for old in ("2014", "2010", "1")] + [f"linux_{machine}"]
        platforms = [word for tag in tags for word in ("--platform", tag)]
        self._target = ["--only-binary=:all:", "--python-version", python, "--implementation", "cp", *platforms]
        lines = (line.partition("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines())
        pins = (Requirement(line) for line in lines if line)
        self._pins = {named(pin.name): str(pin.specifier) for pin in pins if holds(pin, python)}
        # The constraints are applied here: pip reads their markers for the Python that runs it.
        left_out = ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT", "CUDA_HOME")
        self._environment = {name: value for name, value in os.environ.items() if name not in left_out}

    def close(self, package: Path) -> None:
        """Fetch what the wheel `package` and MORE need, and what that needs."""
        queue = [*in_wheel(package).needs(self.python), *map(Requirement, MORE)]
        there: dict[str, Distribution] = {}
        while queue:
            wanted = queue.pop(0)
            name = named(wanted.name)
            if name in TORCH or (name in self._have and self._fits(wanted)):
                continue
            if not satisfied(wanted, there):
                if name in there:
                    sys.exit(f"{wanted} is needed, and {there[name].version} was taken: pin it in constraints.txt")
                there[name] = self._fetch(wanted)
            queue += there[name].needs(self.python, wanted.extras)

    def _fits(self, wanted: Requirement) -> bool:
        return not self._have[named(wanted.name)].version or satisfied(wanted, self._have)

    def _fetch(self, wanted: Requirement) -> Distribution:
        """Fetch a wheel, else build it; what is built must fit the target."""
        specifier = f"{wanted.name}{self._pins.get(named(wanted.name), wanted.specifier)}"
        print(f"fetching {specifier}", flush=True)
        before = set(self.folder.iterdir())
        words = ["download", "--no-deps", "-q", "-d", str(self.folder), *self._target, specifier]
        downloaded = self._pip(words)
        if downloaded.returncode:
            built = self._pip(["wheel", "--no-deps", "-q", "-w", str(self.folder), specifier], PIP_CONSTRAINTS)
            if built.returncode:
                sys.exit(f"{specifier} can neither be downloaded nor built:\n{downloaded.stderr}{built.stderr}")
        (path,) = set(self.folder.iterdir()) - before
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        if downloaded.returncode and not path.name.endswith("-none-any.whl") and here != self.python:
            sys.exit(
                f"{specifier} has no wheel for Python {self.python}, and what Python {here} compiles does not serve: "
                f"run this with Python {self.python}, its headers and a C++ compiler"
            )
        return in_wheel(path)

    def _pip(self, words: list[str], more: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
        return subprocess.run(command, env={**self._environment, **more}, capture_output=True, text=True)


PIP_CONSTRAINTS = {name: (ROOT / "constraints.txt").as_uri() for name in ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT")}


def build_package(source: Path, folder: Path) -> Path:
    """Build the wheel of this package from a copy of its source."""
    words = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    environment = {name: value for name, value in os.environ.items() if "CONSTRAINT" not in name}
    built = subprocess.run([*words, "-w", str(folder), str(source)], env=environment, capture_output=True, text=True)
    if built.returncode:
        sys.exit(f"this package cannot be built (setuptools of 70.1 or later is needed):\n{built.stderr}")
    for made in ("build", "fairseq_cmlm.egg-info"):
        shutil.rmtree(source / made, ignore_errors=True)
    (path,) = folder.glob("fairseq_cmlm-*.whl")
    return path


def read_have(path: Optional[Path]) -> dict[str, Distribution]:
    """Read a list of NAME==VERSION or NAME; other lines, of packages without a version, are passed over."""
    lines = [] if path is None else path.read_text("utf-8").split()
    pairs = [line.partition("==")[::2] for line in lines if not line.startswith(("-", "#", "@"))]
    return {named(name): Distribution(named(name), version, ()) for name, version in pairs}


def below(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    """Yield a folder and all below it, by their names in the archive."""
    yield prefix, folder
    for path in folder.rglob("*"):
        if not path.name.endswith((".log", ".part")):
            yield f"{prefix}/{path.relative_to(folder)}", path


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options."""
    whole = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="bundle.py", description=__doc__, formatter_class=whole)
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    parser.add_argument("output", type=Path, help="folder, made or filled")
    parser.add_argument("--python", default=here, metavar="X.Y", help="of the other machine (default: %(default)s)")
    parser.add_argument("--glibc", type=int, default=28, metavar="N", help="it has glibc 2.N or later (%(default)s)")
    parser.add_argument("--have", type=Path, metavar="FILE", help="what is installed there")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="prepared data")
    parser.add_argument("--part", type=float, default=15, metavar="MB", help="size of a part (default: %(default)s)")
    options = parser.parse_args(arguments)
    if options.have and not options.have.is_file():
        parser.error(f"--have {options.have}: there is no such file")
    for name in WORK if options.work else ():
        if not (options.work / name).is_dir():
            parser.error(f"--work {options.work}: {options.work / name} is missing: run prepare.sh first")
    return options


def main() -> None:
    """Gather, and say what is in it."""
    options = parse(sys.argv[1:])
    with tempfile.TemporaryDirectory() as temporary:
        source, wheels = Path(temporary, "source"), Path(temporary, "wheels")
        wheels.mkdir()
        shutil.copytree(ROOT, source, ignore=NOT_SOURCE)
        package = build_package(source, wheels)
        Gathering(wheels, options.python, options.glibc, read_have(options.have)).close(package)
        target = Path(temporary, "target.json")
        target.write_text(json.dumps({"python": options.python, "wanted": ["fairseq-cmlm", *MORE]}))
        files = {"target.json": target, **dict(below(wheels, "wheels")), **dict(below(source, "source"))}
        for name in WORK if options.work else ():
            files.update(below(options.work / name, f"work/{name}"))
        made = pack(files, options.output / "bundle.tar.xz", options.part, "xz")
        sizes = sorted(((path.stat().st_size, path.name) for path in wheels.iterdir()), reverse=True)
    for name in ("install.py", "parts.py", "wheels.py"):
        shutil.copy(HERE / name, options.output / name)
    for size, name in sizes:
        print(f"{size / MEGABYTE:7.1f} MB  {name}")
    total = sum(path.stat().st_size for path in made) / MEGABYTE
    print(
        f"wrote {len(made)} parts, {total:.1f} MB together: python{options.python} {options.output}/install.py FOLDER"
    )


if __name__ == "__main__":
    main()
