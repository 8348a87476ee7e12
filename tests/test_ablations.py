"""The ablation runner in examples/, on a small text."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from fairseq.options import get_training_parser, parse_args_and_arch
from fairseq_commands import PLUGIN

ABLATIONS = Path(__file__).parents[1] / "examples" / "ablations"
TABLES = [ABLATIONS / name for name in ("training.txt", "optimisation.txt")]


def ablate(work: Path, *arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the script with two updates and few merges."""
    small = {"VENV": "active", "OMP_NUM_THREADS": "1", "UPDATES": "2", "MERGES": "50", "ITERATIONS": "1"}
    words = ["bash", str(ABLATIONS / "run.sh"), str(work), *map(str, arguments)]
    return subprocess.run(words, env={**os.environ, **small, **settings}, capture_output=True, text=True)


@pytest.fixture
def raw(text: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    for split in ("train", "valid", "test"):
        for side, language in (("src", "en"), ("tgt", "de")):
            (folder / f"{split}.{language}").write_text((text / f"{split}.{side}").read_text())
    return folder


def test_variants_are_trained_once_and_compared(raw: Path, tmp_path: Path) -> None:
    table, work = tmp_path / "table.txt", tmp_path / "work"
    short = "--max-source-positions 200 --max-target-positions 200"
    table.write_text(f"# a remark\n\nplain | data | {short}\nall | data | {short} --noising full --clip-norm 0.5\n")
    first = ablate(work, raw, table)
    assert first.returncode == 0, first.stderr
    rows = [line.split(" | ")[0] for line in first.stdout.splitlines() if line.startswith("| ") and "T=" in line]
    assert rows == ["| plain,T=1", "| all,T=1"]
    logs = {name: (work / "ablations" / name / "log").read_text() for name in ("plain", "all")}
    assert "'noising': full," in logs["all"] and "'clip_norm': 0.5" in logs["all"]
    assert "'noising': uniform," in logs["plain"] and "'clip_norm': 1.0" in logs["plain"]
    assert all("num_updates 2" in log for log in logs.values())

    again = ablate(work, raw, table)
    assert again.stdout.splitlines()[-4:] == first.stdout.splitlines()[-4:]
    assert "== training plain" in first.stdout and "== training" not in again.stdout
    other = ablate(work, raw, table, UPDATES="3")
    assert other.returncode == 1 and "is of the variant 'data, updates 2, seed 1" in other.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x | distilled |", "the variant 'x' needs the binarised data"),
        ("x y | data |", "the name 'x y' of a variant"),
        ("x", "the variant x names no data folder"),
        ("# x", "there is no variant in"),
        (None, "there is no table"),
    ],
)
def test_a_table_that_cannot_work_is_refused(raw: Path, tmp_path: Path, line: str | None, message: str) -> None:
    table, work = tmp_path / "table.txt", tmp_path / "work"
    for folder in ("tokens", "bpe", "data"):  # as if prepared
        (work / folder).mkdir(parents=True)
    for split in ("train", "valid", "test"):
        for language in ("en", "de"):
            for folder in ("tokens", "bpe"):
                (work / folder / f"{split}.{language}").write_text("x\n")
    (work / "bpe" / "codes").write_text("x\n")
    if line is not None:
        table.write_text(line + "\n")
    done = ablate(work, raw, table)
    assert done.returncode == 1 and message in done.stderr


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_every_variant_of_the_tables_is_understood_and_another_one(table: Path, data: Path) -> None:
    """fairseq-train takes the options of each line behind those of the recipe."""
    recipe = (ABLATIONS.parent / "multi30k" / "train.sh").read_text().replace("\\\n", "")
    (base,) = re.findall(r"--label-smoothing .* --warmup-init-lr \S+", recipe)
    variants = [line.split("|") for line in table.read_text().splitlines() if not line.startswith("#")]
    assert variants[0][0].strip() == "base" and not variants[0][2].strip()
    seen = set()
    for _, folder, extra in variants:
        words = [str(data), *PLUGIN, "--arch", "cmlm_tiny", "--criterion", "cmlm_loss", *shlex.split(base + extra)]
        parsed = parse_args_and_arch(get_training_parser(), words)
        seen.add((folder, str(sorted(vars(parsed).items()))))
    assert len(seen) == len(variants)
