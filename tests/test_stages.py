"""examples/gpu/stage.py: every stage at the smallest sizes, on a CPU, cut off and gone on with on other machines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from recipe_steps import EXAMPLES, STEPS, environment, run

sys.path.insert(0, str(EXAMPLES / "gpu"))
import plan
import results
import speeds
import stage

SETTINGS = {
    "MERGES": "50",
    "SIZE": "tiny",
    "SHARDS": "2",
    "BATCH": "500",
    "AVERAGE": "2",
    "TOKENS": "400",
    "MAX_TOKENS": "400",
    "WARMUP": "4",
    "SAVE_EVERY": "3",
    "TEACHER_UPDATES": "6",
    "UPDATES": "6",
    "OBJECTIVE": "likelihood",
    "MODEL": "warm-distilled",  # whatever the plan makes of this machine's speed
    "MORE": "--max-source-positions 40 --max-target-positions 40",
    "ITERATIONS": "2",
    "REPORT": "--tables comparison --rounds 1",
    "TESTS": "tests/test_gpu.py",
    "BATCHES": "2",
    "DECODING_BENCHMARK": "--features 32 --layers 1 --vocabulary 50 --rounds 1 --sentences 3 --lengths captions "
    "--iterations 2 --candidates 2 --systems ours fairseq-1-1-beam5",
    "TRAINING_BENCHMARK": "--features 32 --layers 1 --vocabulary 50 --rounds 1 --sentences 6 --batch-size 3 "
    "--batches 1 --numbers float32",
    "SPEEDS": "tiny:float32:400",
}


@pytest.fixture(scope="module")
def prepared(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """WORK with the data alone, of a little text."""
    raw, work = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("prepared") / "work"
    for split in ("train", "valid", "test"):
        for side, language in (("src", "en"), ("tgt", "de")):
            shutil.copy(text / f"{split}.{side}", raw / f"{split}.{language}")
    done = run(STEPS / "prepare.sh", "gpu", work, raw, **SETTINGS)
    assert done.returncode == 0, done.stderr
    return work


def stages(work: Path, out: Path, *words: object, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run stage.py."""
    command = [sys.executable, EXAMPLES / "gpu" / "stage.py", *words, "--work", work, "--out", out]
    given = environment(**{**SETTINGS, **settings})
    return subprocess.run([*map(str, command)], env=given, capture_output=True, text=True)


def test_all_stages_on_three_machines(prepared: Path, tmp_path: Path) -> None:
    first, second, third = (tmp_path / name / "work" for name in ("first", "second", "third"))
    for work in (first, second, third):
        shutil.copytree(prepared, work, copy_function=shutil.copy2)

    done = stages(first, tmp_path / "out1", "tests", "decoding", "training", "--part", "0.004")
    assert done.returncode == 0, done.stdout + done.stderr
    parts = list((tmp_path / "out1").glob("results.tar.gz.*"))
    assert len(parts) > 1 and max(path.stat().st_size for path in parts) <= 0.004 * 2**20
    shown = (tmp_path / "out1" / "results.md").read_text()
    assert "- CUDA tests: " in shown and "| fairseq-1-1-beam5 |" in shown and "| raw | tiny | float32 | 400 |" in shown
    assert "# Plan" in shown and "TEACHER_UPDATES:=" in (first / "plan.sh").read_text()

    # The teacher is cut off after an update.
    words = (STEPS / "train.sh", "gpu", "en-de", first, "teacher")
    before = results.times(first)
    stopped = run(*words, **SETTINGS, STOP_HOURS="1e-9")
    assert stopped.returncode == stage.STOPPED, stopped.stderr
    results.save(first, tmp_path / "out2", before, part=15, most=None)
    assert not list((first / "en-de" / "teacher").glob("*.done"))

    old = (tmp_path / "out1", tmp_path / "out2")
    done = stages(second, tmp_path / "out3", "teacher", "distillation", "cmlm", "--in", *old)
    assert done.returncode == 0, done.stdout + done.stderr
    log = (second / "en-de" / "teacher" / "train.log").read_text()
    assert "(epoch 1 @ 1 updates)" in log and "num_updates: 6 >= max_update: 6" in log
    done = stages(
        third, tmp_path / "out4", "teacher", "distillation", "cmlm", "report", "--in", *old, tmp_path / "out3"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    model = torch.load(third / "en-de" / "warm-distilled" / "averaged.pt", weights_only=True)["model"]
    assert {value.dtype for value in model.values() if value.is_floating_point()} == {torch.float16}
    assert not list((third / "en-de").glob("*/checkpoint_*_6.pt")), "nothing was trained again"
    shown = (tmp_path / "out4" / "results.md").read_text()
    assert "| warm-distilled-likelihood,T=2 |" in shown and "## Models side by side" in shown


def test_a_command_ends_with_the_time(tmp_path: Path) -> None:
    call = stage.Call(tmp_path, time.monotonic() + 3, "cpu")
    words: list[object] = ["bash", "-c", f"(sleep 8; touch {tmp_path}/late) & echo begun; wait"]
    with pytest.raises(stage.OutOfTimeError):
        call.run(words, tmp_path / "log")
    assert (tmp_path / "log").read_text() == "begun\n"
    with pytest.raises(stage.OutOfTimeError):
        call.left(reserve=60)
    time.sleep(6)
    assert not (tmp_path / "late").exists(), "what the command started has ended too"


@pytest.mark.parametrize(
    ("gpus", "number", "device", "steps"),
    [("0", 4, "cpu", "0"), (None, 4, "cuda", "4"), ("2", 4, "cuda", "2"), (None, 0, None, None)],
)
def test_the_steps_use_the_gpus_that_torch_sees(
    gpus: str | None, number: int, device: str | None, steps: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: number > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: number)
    monkeypatch.setenv("GPUS", gpus or "")
    if gpus is None:
        monkeypatch.delenv("GPUS")
    if device is None:
        with pytest.raises(SystemExit, match="sees no GPU: GPUS=0 runs the stages on the CPU"):
            stage.device()
    else:
        assert (stage.device(), os.environ["GPUS"]) == (device, steps)


def test_half_precision_keeps_what_a_training_needs() -> None:
    table = torch.randn(5, 3)
    state: dict[str, Any] = {
        "model": {"a": table, "b": table, "version": torch.tensor([7])},
        "last_optimizer_state": {"state": {0: {"step": 3, "exp_avg_sq": torch.tensor([1e-12, 2.0])}}},
        "extra_state": {"val_loss": 4.5},
    }
    half = results.halved(state)
    assert half["model"]["a"].dtype == torch.float16 and half["model"]["version"].tolist() == [7]
    assert half["model"]["a"].data_ptr() == half["model"]["b"].data_ptr(), "tied tables are stored once"
    squares = half["last_optimizer_state"]["state"][0]["exp_avg_sq"]
    assert squares.tolist() == pytest.approx([1e-12, 2.0], rel=0.01) and half["extra_state"] == {"val_loss": 4.5}
    assert "last_optimizer_state" not in results.halved({"model": {}})


def test_the_largest_files_stay_behind_where_not_all_can_come_back(tmp_path: Path) -> None:
    figures = tmp_path / "work" / "figures"
    figures.mkdir(parents=True)
    for name, size in (("old", 10), ("small", 10), ("large", 3000), ("larger", 5000)):
        (figures / name).write_bytes(bytes(size))
    before = {figures / "old": (figures / "old").stat().st_mtime}
    told = results.save(tmp_path / "work", tmp_path / "out", before, part=1, most=4000 / 2**20)
    assert told[0].startswith("2 files in 1 parts") and "left out: figures/larger" in told[1] and len(told) == 2
    results.restore(tmp_path / "other", [tmp_path / "out"])
    assert sorted(path.name for path in (tmp_path / "other" / "figures").iterdir()) == ["large", "small"]


def test_a_training_whose_checkpoint_stays_behind_has_not_ended(tmp_path: Path) -> None:
    for name, size in (("small", 10), ("large", 90000)):
        training = tmp_path / "work" / results.DIRECTION / name
        training.mkdir(parents=True)
        for file in ("training", "9.done"):
            (training / file).write_text("")
        torch.save({"model": {"table": torch.zeros(size)}}, training / "averaged.pt")
    results.save(tmp_path / "work", tmp_path / "out", {}, part=1, most=0.1)
    results.restore(tmp_path / "other", [tmp_path / "out"])
    found = {
        str(path.relative_to(tmp_path / "other" / results.DIRECTION)) for path in (tmp_path / "other").rglob("*.*")
    }
    assert found == {"small/9.done", "small/averaged.pt"}


def test_what_was_measured_comes_back_whatever_fails(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, out = tmp_path / "work", tmp_path / "out"
    shutil.copytree(prepared / "data", work / "data")

    def decoding(call: stage.Call) -> None:
        call.figures("decoding.md").parent.mkdir(parents=True)
        call.figures("decoding.md").write_text("a table")
        raise KeyError("speed")

    made: list[str] = []
    for name, work_of in {"decoding": decoding, "tests": made.append, "teacher": decoding, "cmlm": made.append}.items():
        monkeypatch.setitem(stage.STAGES, name, work_of)
    monkeypatch.setenv("GPUS", "0")
    for name in ("PATH", "VENV", "PYTHONPATH", "TORCH_CUDNN_SDPA_DEPRIORITIZED"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    words = ["decoding", "tests", "teacher", "cmlm", "--work", str(work), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["stage.py", *words])
    with pytest.raises(SystemExit, match="1"):
        stage.main()
    told = (out / "results.md").read_text()
    assert "decoding: failed: KeyError('speed')" in told and "tests: done" in told and "a table" in told
    assert "teacher: failed" in told and "cmlm" not in told and len(made) == 1
    results.restore(tmp_path / "other", [out])
    assert (tmp_path / "other" / "figures" / "decoding.md").read_text() == "a table"


def test_a_stage_that_fails_ends_nothing_that_does_not_need_it(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even behind a stage that others need."""

    def decoding(call: stage.Call) -> None:
        raise KeyError("speed")

    shutil.copytree(prepared / "data", tmp_path / "work" / "data")
    made: list[str] = []
    for name in ("training", "teacher"):
        monkeypatch.setitem(stage.STAGES, name, lambda call, name=name: made.append(name))
    monkeypatch.setitem(stage.STAGES, "decoding", decoding)
    for name in ("PATH", "VENV", "PYTHONPATH", "TORCH_CUDNN_SDPA_DEPRIORITIZED"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setenv("GPUS", "0")
    words = ["decoding", "training", "teacher", "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["stage.py", *words])
    with pytest.raises(SystemExit, match="1"):
        stage.main()
    assert made == ["training", "teacher"]


def test_tests_that_never_end_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "MOST_OF_TESTS", 3)
    (tmp_path / "test_sleep.py").write_text(
        "import pytest, time\n\n@pytest.mark.gpu\ndef test_it():\n    time.sleep(99)\n"
    )
    monkeypatch.setenv("TESTS", str(tmp_path / "test_sleep.py"))
    call = stage.Call(tmp_path / "work", time.monotonic() + 60, "cpu")
    stage.tests(call)
    assert call.figures("tests.done").read_text().endswith(" (ended after 3 s)\n")


def test_a_training_that_lacks_memory_has_no_speed(tmp_path: Path) -> None:
    """The batches that are too large are left out by fairseq, which goes on."""
    line = "| train_inner | epoch 1: 10 / 99 loss=9.1, wps=100.0, ups=2, wpb=300.4, bsz=1\n"
    for tokens, log in {"400": line, "800": f"CUDA out of memory\n{line}"}.items():
        folder = tmp_path / f"speed-raw-tiny-float32-{tokens}"
        folder.mkdir()
        (folder / "train.log").write_text(log)
    (tmp_path / "speed-raw-tiny-float32-900").mkdir()
    speeds.write(tmp_path, tmp_path / "training", {})
    rows = json.loads((tmp_path / "training.json").read_text())["rows"]
    assert [(row["max_tokens"], row.get("failed")) for row in rows] == [
        *((400, None), (800, "out of memory"), (900, "ended early: see its train.log"))
    ]


def test_the_speed_is_read_from_the_log() -> None:
    line = "2026-11-26 | INFO | train_inner | epoch 001:     10 / 99 loss=9.1, ppl=5, wps={}, ups={}, wpb=300.4, bsz=1"
    log = "\n".join(line.format(*pair) for pair in ((0, 1), (50, 2), (1000.5, 3.5), (1200, 4), (900, 3)))
    assert speeds.measured(log) == {"tokens_per_second": 1000, "updates_per_second": 3.5, "tokens": 300}
    assert speeds.measured("CUDA out of memory") is None


def row(model: str, size: str, tokens: int, speed: float, precision: str = "bfloat16") -> dict[str, Any]:
    found = {"model": model, "size": size, "precision": precision, "max_tokens": tokens}
    return {**found, "tokens_per_second": speed, "updates_per_second": speed / tokens}


def test_the_plan_takes_the_smallest_batch_that_is_nearly_as_fast() -> None:
    rows = [
        row(model, "base", *pair) for model in ("teacher", "raw") for pair in ((4096, 50e3), (8192, 95e3), (16384, 1e5))
    ]
    rows += [row("raw", "base", 32768, 3e5), row("teacher", "base", 32768, 1.0) | {"failed": "out of memory"}]
    rows += [row(model, "base", 16384, 2e5, "fp16") for model in ("teacher", "raw")]
    rows += [row(model, "small", 16384, 4e5) for model in ("teacher", "raw")]
    assert [(one.size, one.precision, one.max_tokens) for one in plan.choices(rows)] == [
        ("base", "bfloat16", 8192),
        ("small", "bfloat16", 16384),
    ]


@pytest.mark.parametrize(
    ("speed", "sentences", "minutes", "models", "size", "model"),
    [
        (200e3, 1000, 20, 1, "base", "warm-distilled"),
        (200e3, 100, 20, 1, "base", "warm-raw"),
        (200e3, None, 20, 1, "base", "warm-raw"),
        (20e3, 1000, 20, 1, "small", "warm-distilled"),
        (100e3, 1000, 20, 1, "base", "warm-distilled"),
        (100e3, 1000, 20, 2, "small", "warm-distilled"),
    ],
)
def test_the_plan_fits_the_time(
    speed: float, sentences: float | None, minutes: float, models: int, size: str, model: str
) -> None:
    corpus = plan.Corpus(255_000, 4_400_000)
    found = plan.plan(corpus, plan.assumed(speed), sentences, 60 * minutes, models)
    assert (found.settings["SIZE"], found.model) == (size, model)
    total = sum(float(one["minutes"] or 0) for one in found.rows)
    assert total == pytest.approx(minutes - plan.STARTS / 60)
    updates = float(str(found.settings["UPDATES"])) * float(str(found.settings["TOKENS"])) / 16384
    seconds = updates * 13000 / (speed if size == "base" else 4 * speed)
    assert models * seconds == pytest.approx(60 * float(found.rows[2]["minutes"] or 0), rel=0.01)


def test_a_plan_without_measurements_is_refused(prepared: Path) -> None:
    words = [sys.executable, str(EXAMPLES / "gpu" / "plan.py"), str(prepared)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1 and "training.json is missing: run the stage training first" in done.stderr
    done = subprocess.run([*words, "--tokens-per-second", "1e5"], capture_output=True, text=True)
    assert done.returncode == 0 and "| teacher | " in done.stdout and not (prepared / "plan.sh").exists()


def test_the_best_speed_of_beam_search_is_taken(tmp_path: Path) -> None:
    for batch, speed in ((1, 5.0), (128, 80.0)):
        rows = [
            {"system": "ours", "sentences_per_second": {"median": 500.0}},
            {"system": "fairseq-6-6-beam5", "sentences_per_second": {"median": speed}},
        ]
        (tmp_path / f"decoding-{batch}.json").write_text(json.dumps({"rows": rows}))
    assert plan.beam_speed(tmp_path) == 80 and plan.beam_speed(tmp_path / "none") is None
