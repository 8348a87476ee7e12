"""The ablation runner in examples/, on a small text."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fairseq.options import get_training_parser, parse_args_and_arch
from fairseq_commands import PLUGIN

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.models import Size
from benchmarks.variants import masked_models, variants_of

ABLATIONS = Path(__file__).parents[1] / "examples" / "ablations"
TABLES = sorted(ABLATIONS.parent.glob("*/*.txt"))


SIZES = " ".join(
    f"--{side}-layers 1 --{side}-embed-dim 32 --{side}-ffn-embed-dim 64 --{side}-attention-heads 2"
    for side in ("encoder", "decoder")
)
SETTINGS = {
    **{"VENV": "active", "OMP_NUM_THREADS": "1", "GPUS": "0", "WORKERS": "1", "MERGES": "50", "ITERATIONS": "1"},
    **{"UPDATES": "2", "SAVE_EVERY": "2", "AVERAGE": "1", "TOKENS": "512", "MAX_TOKENS": "512"},
    "OPTIONS": f"{SIZES} --clip-norm 1.0 --max-source-positions 200 --max-target-positions 200",
}


def run(*words: object, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a script on small sizes."""
    environment = {**os.environ, **SETTINGS, **settings}
    return subprocess.run(["bash", *map(str, words)], env=environment, capture_output=True, text=True)


def ablate(work: Path, table: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return run(ABLATIONS / "run.sh", "multi30k", "en-de", work, table, **settings)


def test_variants_are_trained_once_and_compared(text: Path, tmp_path: Path) -> None:
    raw, table, work = tmp_path / "raw", tmp_path / "table.txt", tmp_path / "work"
    raw.mkdir()
    for split in ("train", "valid", "test"):
        for side, language in (("src", "en"), ("tgt", "de")):
            (raw / f"{split}.{language}").write_text((text / f"{split}.{side}").read_text())
    prepared = run(ABLATIONS.parent / "steps" / "prepare.sh", "multi30k", work, raw)
    assert prepared.returncode == 0, prepared.stderr
    table.write_text("# a remark\n\nplain | raw |\nall | raw | --noising full --clip-norm 0.5\n")
    first = ablate(work, table)
    assert first.returncode == 0, first.stderr
    rows = [line.split(" | ")[0] for line in first.stdout.splitlines() if line.startswith("| ") and "T=" in line]
    assert rows == ["| plain,T=1", "| all,T=1"]
    logs = {name: (work / "en-de" / name / "train.log").read_text() for name in ("plain", "all")}
    for name, noising, clip_norm in (("plain", "uniform", "1.0"), ("all", "full", "0.5")):
        assert re.search(f"'noising': '{noising}'[,}}]", logs[name]) and f"'clip_norm': {clip_norm}" in logs[name]
    assert all("num_updates 2" in log for log in logs.values())

    again = ablate(work, table)
    assert again.stdout.splitlines()[-4:] == first.stdout.splitlines()[-4:]
    assert "begin en-de/plain" in first.stdout and "begin" not in again.stdout
    other = ablate(work, table, UPDATES="3")
    assert other.returncode == 1 and "en-de/plain is trained for 2 updates, and 3 are wanted" in other.stderr
    table.write_text("plain | raw | --dropout 0.1\n")
    other = ablate(work, table)
    assert other.returncode == 1 and re.search(
        r"is trained with 'raw, .*', and 'raw, .* --dropout 0.1' is", other.stderr
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x | distilled |", "en-de/distilled-data is missing: run distill.sh first"),
        ("x | data |", "the model 'data' is none of"),
        ("x y | raw |", "the name 'x y' of a variant"),
        ("t | teacher | --lr 2", "the variant t is of the model teacher, which takes no options here"),
        ("fairseq | raw |", "'fairseq' is the name of another model"),
        ("x", "the variant x names no model"),
        ("# x", "there is no variant in"),
        (None, "there is no table"),
    ],
)
def test_a_table_that_cannot_work_is_refused(tmp_path: Path, line: str | None, message: str) -> None:
    table = tmp_path / "table.txt"
    if line is not None:
        table.write_text(line + "\n")
    done = ablate(tmp_path / "work", table)
    assert done.returncode == 1 and message in done.stderr


def test_a_last_line_without_its_end_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("# a table\nx y | raw |")
    (tmp_path / "two").write_text("# another\nz | raw |")
    for tables in (("one",), ("one", "two"), ("two", "one")):
        done = run(
            *(ABLATIONS / "run.sh", "multi30k", "en-de", tmp_path / "work"), *(tmp_path / name for name in tables)
        )
        assert done.returncode == 1 and "the name 'x y' of a variant" in done.stderr


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_every_variant_of_the_tables_is_understood_and_differs_from_the_others(table: Path, data: Path) -> None:
    """fairseq-train takes the options of each line behind those of the recipe."""
    show = 'usage=; . "$1/steps/recipe.sh"; settings multi30k; echo "$OPTIONS"'
    settings = {name: value for name, value in os.environ.items() if name != "OPTIONS"}
    words = ["bash", "-c", show, "-", str(ABLATIONS.parent)]
    base = subprocess.run(words, env=settings, capture_output=True, text=True, check=True).stdout.split()
    variants = [line.split("|") for line in table.read_text().splitlines() if not line.startswith("#")]
    if table.parent == ABLATIONS:
        assert variants[0][0].strip() == "base" and not variants[0][2].strip()
    seen = set()
    for _, model, extra in variants:
        words = [str(data), *PLUGIN, "--arch", "cmlm_tiny", "--criterion", "cmlm_loss", "--optimizer", "adam"]
        parsed = parse_args_and_arch(get_training_parser(), [*words, *base, *extra.split()])
        seen.add((model, str(sorted(vars(parsed).items()))))
    assert len(seen) == len(variants)


@pytest.mark.parametrize(
    ("recipe", "size", "expected"),
    [
        ("multi30k", Size(features=256, layers=3, vocabulary=4105), {(3, 3), (4, 2), (5, 1)}),
        ("wmt", Size(features=512, layers=6, vocabulary=100), {(6, 6), (9, 1), (12, 2)}),
    ],
)
def test_depths_are_compared_at_equal_parameters(
    recipe: str, size: Size, expected: set[tuple[int, int]], tmp_path: Path
) -> None:
    """The sizes of the recipe, with what the lines say."""
    found = masked_models(size, variants_of(ABLATIONS.parent / recipe / "depth.txt"), tmp_path, seed=1, device="cpu")
    layers, parameters = {}, []
    for name, (system, number) in found.items():
        model = system.in_precision("float32").model
        layers[name] = len(model.encoder.layers), len(model.decoder.layers)
        parameters.append(number)
    assert layers == {f"depth-{encoder}-{decoder}": (encoder, decoder) for encoder, decoder in expected}
    assert max(parameters) < 1.005 * min(parameters)
