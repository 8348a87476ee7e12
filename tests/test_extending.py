"""The recipes of docs/EXTENDING.md, applied to a copy of the package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/EXTENDING.md").read_text()
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S))
COUNTS = {name: int(count) for name, count in re.findall(r"^\| \[([^]]+)\][^|]*\| (\d) \|", TEXT, re.M)}


def blocks(name: str, kind: str) -> list[str]:
    """The code blocks of a section."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", SECTIONS[name], re.M | re.S)


def hunks(name: str) -> list[tuple[str, list[str]]]:
    """File and lines of each hunk of a section's diff."""
    found: list[tuple[str, list[str]]] = []
    file = ""
    for line in "".join(blocks(name, "diff")).splitlines():
        if line.startswith("--- "):
            file = line[4:]
        elif line == "@@":
            found.append((file, []))
        else:
            found[-1][1].append(line)
    return found


def apply(folder: Path, name: str, file: str, lines: list[str]) -> None:
    """Put a hunk of a section into its file, which has its context exactly once; a file that is not there is made."""
    before = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
    after = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
    path = folder / file
    text = path.read_text() if path.exists() else ""
    stands = (text.count(before) == 1) if before else not text
    assert stands, f"docs/EXTENDING.md, '{name}': change the diff, for {file} no longer has these lines once:\n{before}"
    path.write_text(text.replace(before, after) if before else after)


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of package and tests with every recipe applied, in the order of the document."""
    folder = tmp_path_factory.mktemp("extended")
    for part in ("fairseq_cmlm", "tests"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "golden"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("work"))
    for name in SECTIONS:
        for file, lines in hunks(name):
            apply(folder, name, file, lines)
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


def test_the_table_counts_the_places() -> None:
    assert {name[:1].upper() + name[1:] for name in COUNTS} == set(SECTIONS)
    for name, count in COUNTS.items():
        title = name[:1].upper() + name[1:]
        # An import beside the use of what it imports, in one file, is no place of its own.
        all_hunks = hunks(title)
        used = {file for file, lines in all_hunks if not _imports(lines)}
        places = [file for file, lines in all_hunks if not (_imports(lines) and file in used)]
        assert len(places) == count <= 3, name


def _imports(lines: list[str]) -> bool:
    """Whether a hunk changes imports alone, in a table's file."""
    changed = [line[1:] for line in lines if line[:1] in "+-"]
    return all(line.startswith("from fairseq_cmlm.") for line in changed)


def test_the_recipes_work(extended: Path) -> None:
    code = "\n".join("".join(blocks(name, "python")) for name in SECTIONS)
    assert code.count("assert ") >= len(SECTIONS)
    done = run(extended, "-c", code)
    assert done.returncode == 0, done.stderr


def test_the_tests_of_the_extended_package_pass(extended: Path) -> None:
    """Those that go over the rows of a table, the extended ones included."""
    rows = ("tests/test_schedule.py", "tests/decoding/test_strategy.py", "tests/training", "tests/test_layers.py")
    rows = (*rows, "tests/decoding/test_choice.py", "tests/formats/test_every_format.py")
    done = run(extended, "-m", "pytest", "-q", "-p", "no:cacheprovider", *rows)
    assert done.returncode == 0, done.stdout[:3000]
    one = "tests/test_decoding_declaration.py"
    done = run(extended, "-m", "pytest", "-q", "-p", "no:cacheprovider", one, "-k", "length_shift or every_field")
    assert done.returncode == 0, done.stdout[:3000]
