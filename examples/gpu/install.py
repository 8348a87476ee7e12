"""Install a bundle of bundle.py on a machine without a network, beside the torch that is installed there.

    python3 BUNDLE/install.py FOLDER      python3 is the one that has torch

FOLDER receives venv/ (an environment that sees all that this Python sees; the bundle's packages come first), source/
(recipes, benchmarks and tests) and work/ (the data). Nothing outside FOLDER is written, and torch is never brought: of
the bundle's wheels those are installed whose package is not there in a version that fits. What is missing is said.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from parts import unpack
from wheels import DISPENSABLE, TORCH, Distribution, in_wheel, installed_in, named, unsatisfied

PACKAGE = "fairseq-cmlm"
TRY = """
import torch, fairseq.data.data_utils_fast, fairseq_cmlm.plugin.task
device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
print(f"torch {torch.__version__} of {torch.__path__[0]}; {device}")
"""


class Target(TypedDict):
    """The target of the bundle: Python X.Y, and the packages that are wanted."""

    python: str
    wanted: list[str]


def packages_of_this_python() -> list[Path]:
    """Return the folders of packages that this Python sees, an active virtual environment's too."""
    return [Path(folder) for folder in sys.path if Path(folder).name in ("site-packages", "dist-packages")]


def make_environment(folder: Path, beside: list[Path]) -> Path:
    """Make a virtual environment that sees the packages in `beside` after its own; return its folder of packages.

    --system-site-packages would pass over those of a virtual environment that is active.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    lines = [f"import site; site.addsitedir({str(other)!r})\n" for other in beside]
    (packages / "beside.pth").write_text("".join(lines))
    return packages


def chosen(wheels: Mapping[Path, Distribution], there: Mapping[str, Distribution], target: Target) -> list[Path]:
    """Return the wheels to install: this package's, and those of what is needed and not there as it is needed."""
    by_name = {one.name: (path, one) for path, one in wheels.items()}
    found = {PACKAGE}
    while True:
        now = {**there, **{name: by_name[name][1] for name in found}}
        missing = {named(requirement.name) for requirement, _ in unsatisfied(target["wanted"], now, target["python"])}
        more = missing & (by_name.keys() - found)
        if not more:
            return sorted(by_name[name][0] for name in found)
        found |= more


def install(folder: Path, bundle: Path) -> list[str]:
    """Put the bundle in place, and return what is missing, a line each."""
    unpack(bundle / "bundle.tar.xz", folder)
    target: Target = json.loads((folder / "target.json").read_text())
    python, here = target["python"], f"{sys.version_info.major}.{sys.version_info.minor}"
    if here != python:
        sys.exit(f"the bundle is for Python {python}, and this is {here}: gather it with --python {here}")
    beside = packages_of_this_python()
    there = installed_in(beside)
    if "torch" not in there:
        sys.exit(f"{sys.executable} has no torch: run this with the Python that has it, or install it first")
    packages = make_environment(folder / "venv", beside)
    wheels = {path: in_wheel(path) for path in (folder / "wheels").glob("*.whl")}
    selected = [str(path) for path in chosen(wheels, there, target)]
    pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    alone = ["--no-index", "--no-deps", "--only-binary=:all:", "--force-reinstall", "--no-warn-script-location"]
    if subprocess.run([*pip, *alone, *selected]).returncode:
        sys.exit("pip failed; nothing outside the folder was changed")
    for path in selected:
        print(f"installed {Path(path).name}")
    lines = []
    for requirement, needed_by in unsatisfied(target["wanted"], installed_in([packages, *beside]), python):
        free = " (for speech, which is not used here)" if named(requirement.name) in DISPENSABLE else ""
        way_out = "install it there" if named(requirement.name) in TORCH else "gather without it in --have"
        lines.append(f"missing: {requirement}, for {needed_by or 'plots and tests'}{free or ': ' + way_out}")
    return lines


def main() -> None:
    """Put the bundle in place, say what is missing, and try the result."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder = Path(sys.argv[1]).resolve()
    missing = install(folder, Path(__file__).resolve().parent)
    print("\n".join(missing) if missing else "nothing is missing")
    python = folder / "venv" / "bin" / "python"
    if subprocess.run([str(python), "-c", TRY]).returncode:
        sys.exit("the installation does not work: see above")
    print(f"ready: {python} {folder}/source/examples/gpu/stage.py --help")


if __name__ == "__main__":
    main()
