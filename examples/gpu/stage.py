"""Run stages of the work on a GPU, each resumable, and leave what came out in few files.

    python examples/gpu/stage.py STAGE... --work WORK --out OUT [--in OLD...] [--seconds 540]

    tests         the tests that need a GPU
    decoding      ours, fairseq's CMLM and beam search by batch and precision (DECODING_BENCHMARK: more options)
    training      updates and tokens a second by precision and batch (SPEEDS), and from them the plan, WORK/plan.sh
    teacher       the autoregressive Transformer
    distillation  its translations of the training text
    cmlm          a CMLM on them (MODEL), and one with OBJECTIVE
    report        translations, BLEU and the paper's tables

WORK holds what prepare.sh has made of the text (`prepare.sh gpu WORK TEXT`). When the seconds are over, the stage stops
(status 75), and the same call goes on; on another machine with what came back: each earlier call's OUT is an
OLD, in their order. OUT receives results.md and results.tar.gz.I-of-N. GPUS=0 runs on the CPU.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Callable

import plan
import results
import speeds
import torch
from call import ROOT, STEPS, Call, OutOfTimeError

from fairseq_cmlm.checkpoints.best import best_of
from fairseq_cmlm.checkpoints.reading import read_checkpoint
from fairseq_cmlm.errors import CheckpointError, UserError
from fairseq_cmlm.experiments import machine

STOPPED = 75  # of train.sh too
# Seconds from the end of a training's time to the end of the stage's: a validation, a checkpoint, the average.
AFTER_TRAINING = 75
# Seconds that the tests may take, and that a training whose speed is measured may.
MOST_OF_TESTS, MOST_OF_A_SPEED = 180, 75
SPEEDS = "base:bfloat16:8192 base:bfloat16:16384 base:bfloat16:32768 base:float32:8192 small:bfloat16:16384"


def tests(call: Call) -> None:
    """Run the tests that need a GPU; those that fail are the figure too."""
    done, log = call.figures("tests.done"), call.figures("tests.log")
    if done.exists():
        return
    log.unlink(missing_ok=True)
    words = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-m", "gpu"]
    limited = call.shorter(MOST_OF_TESTS)
    try:
        status = limited.run([*words, *os.environ.get("TESTS", "tests").split()], log)
    except OutOfTimeError:
        call.left()  # the call's own time may be over too, and then they are run again
        status = None
    last = (log.read_text("utf-8", errors="replace").splitlines() or ["no output"])[-1]
    if status not in (0, 1, None):  # 1: tests failed
        raise UserError(f"the tests did not run: see {log}")
    done.write_text(f"{last}{'' if status is not None else f' (ended after {MOST_OF_TESTS} s)'}\n")


def decoding(call: Call) -> None:
    """Measure decoding, a table for each batch size."""
    for batch in os.environ.get("BATCHES", "1 32").split():
        output = call.figures(f"decoding-{batch}")
        if output.with_suffix(".json").exists():
            continue
        sizes = ["--batch-sizes", batch, "--sentences", max(16, 2 * int(batch)), "--lengths", "news"]
        grid = ["--iterations", 4, 10, "--systems", "ours*", "fairseq-cmlm", "fairseq-*-beam5"]
        words = [*_benchmark("decoding"), *sizes, *grid, "--device", call.device, "--output", output]
        call.must([*words, *os.environ.get("DECODING_BENCHMARK", "").split()], call.figures("decoding.log"))


def training(call: Call) -> None:
    """Measure training as the recipe trains, then beside fairseq's CMLM, and make the plan."""
    for speed in speeds.speeds_of(os.environ.get("SPEEDS", SPEEDS)):
        folder = call.folder / speed.name
        if (folder / f"{speeds.UPDATES}.done").exists() or (folder / "failed").exists():
            continue
        words = ["bash", STEPS / "train.sh", "gpu", results.DIRECTION, call.work, speed.model]
        try:
            status = call.shorter(MOST_OF_A_SPEED).run(words, call.figures("steps.log"), **speed.settings)
        except OutOfTimeError:
            call.left()
            status = 124
        log = speeds.log_of(folder)
        if status or speeds.out_of_memory(log):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "failed").write_text(f"status {status}: {' '.join(log.splitlines()[-1:])}\n")
    speeds.write(call.folder, call.figures("training"), machine.describe(call.device))
    output = call.figures("training-beside-fairseq")
    if not output.with_suffix(".json").exists():
        words = [*_benchmark("training"), "--batch-size", 128, "--numbers", "float32", "bfloat16", "--lengths", "news"]
        words += ["--device", call.device, "--output", output, *os.environ.get("TRAINING_BENCHMARK", "").split()]
        call.must(words, call.figures("training.log"))
    plan.write(call.work, float(os.environ.get("MINUTES", 16)))


def _benchmark(name: str) -> list[object]:
    return [sys.executable, "-m", "benchmarks", name]


def _train(call: Call, model: str, name: str, **settings: object) -> None:
    """Train and average a model; what does not get done in time is saved."""
    folder = call.folder / name
    if not (folder / "averaged.pt").exists():
        before = 0.0
        if (folder / "checkpoint_last.pt").exists():
            before = read_checkpoint(folder / "checkpoint_last.pt", memory_map=True)["extra_state"][
                "previous_training_time"
            ]
        hours = (before + call.left(AFTER_TRAINING)) / 3600
        words = ["bash", STEPS / "train.sh", "gpu", results.DIRECTION, call.work, model]
        log = call.figures("steps.log")
        status = call.run(words, log, NAME=name, STOP_HOURS=hours, **settings)
        if status == STOPPED:
            raise OutOfTimeError
        if status:
            raise UserError(f"the training of {name} failed: see {folder / 'train.log'} and {log}")
        number = _validated(folder, int(os.environ.get("AVERAGE", 5)))
        call.step("average", results.DIRECTION, call.work, name, AVERAGE=number)


def _validated(folder: Path, most: int) -> int:
    """Return how many checkpoints can be averaged: on another machine a training goes on with the last one alone."""
    for number in range(most, 1, -1):
        try:
            return len(best_of([folder], number))
        except CheckpointError:
            continue
    return 1


def teacher(call: Call) -> None:
    """Train the teacher."""
    _train(call, "teacher", "teacher")


def distillation(call: Call) -> None:
    """Translate the training text, shard by shard."""
    if _model(call).endswith("distilled") and not (call.folder / "distilled-data").exists():
        call.step("distill", results.DIRECTION, call.work)


def _model(call: Call) -> str:
    return os.environ.get("MODEL") or plan.model_of(call.work)


def _models(call: Call) -> dict[str, dict[str, str]]:
    """Return the CMLMs to train: name -> settings."""
    model, objective = _model(call), os.environ.get("OBJECTIVE", "")
    other = {f"{model}-{objective}": {"OBJECTIVE": objective}} if objective else {}
    return {model: {"OBJECTIVE": ""}, **other}


def cmlm(call: Call) -> None:
    """Train the CMLMs."""
    for name, settings in _models(call).items():
        _train(call, _model(call), name, **settings)


def report(call: Call) -> None:
    """Translate the test set, score, and make the paper's tables."""
    place = (results.DIRECTION, call.work)
    call.step("translate", *place, "teacher", 5)
    outputs = [call.folder / "test" / "teacher,beam=5.out"]
    for name in _models(call):
        for passes in os.environ.get("ITERATIONS", "4 10").split():
            call.step("translate", *place, name, passes)
            outputs.append(call.folder / "test" / f"{name},T={passes}.out")
    call.step("score", *place, *outputs)
    # Speed has a stage of its own.
    tables = ["iterations", "repetition", "lengths", *(["comparison"] if len(_models(call)) > 1 else [])]
    options = f"--rounds 1 --batch-size 128 --tables {' '.join(tables)}"
    call.step("report", *place, *_models(call), REPORT=os.environ.get("REPORT", options))


STAGES: dict[str, Callable[[Call], None]] = {
    one.__name__: one for one in (tests, decoding, training, teacher, distillation, cmlm, report)
}


INDEPENDENT = {"tests", "decoding"}  # which no later stage needs


def summary(call: Call, told: Mapping[str, str]) -> str:
    """Return results.md: what was done, and every table there is."""
    lines = ["# Results", "", *(f"- {name}: {text}" for name, text in told.items())]
    log = call.figures("tests.done")
    lines += [f"- CUDA tests: {log.read_text().strip()}"] if log.exists() else []
    last = [call.folder / "scores.md", call.folder / "report" / "report.md"]
    tables = [*sorted(call.work.glob("figures/*.md")), *last]
    return "\n".join([*lines, *(f"\n{path.read_text()}" for path in tables if path.exists())]) + "\n"


def device() -> str:
    """Return cuda, or cpu where GPUS=0 says so; the steps use the GPUs that torch sees, unless GPUS is set."""
    if os.environ.get("GPUS") == "0":
        return "cpu"
    if not torch.cuda.is_available():
        sys.exit(f"torch {torch.__version__} sees no GPU: GPUS=0 runs the stages on the CPU")
    os.environ.setdefault("GPUS", str(torch.cuda.device_count()))
    return "cuda"


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options."""
    whole = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="stage.py", description=__doc__, formatter_class=whole)
    parser.add_argument("stages", nargs="+", choices=list(STAGES), metavar="STAGE")
    parser.add_argument("--work", type=Path, required=True, metavar="WORK")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT")
    parser.add_argument("--in", type=Path, nargs="+", default=[], dest="old", metavar="OLD")
    parser.add_argument("--seconds", type=float, default=540, help="for all the stages (default: %(default)s)")
    parser.add_argument("--part", type=float, default=15, metavar="MB", help="size of a part (default: %(default)s)")
    parser.add_argument(
        "--most", type=float, metavar="MB", help="of all files, not compressed; the largest ones are left out"
    )
    return parser.parse_args(arguments)


def main() -> None:
    """Run the stages in their order until the time is over, and pack what they made."""
    began = time.monotonic()
    options = parse(sys.argv[1:])
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ.update(
        VENV="active", PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    )
    # cuDNN plans its attention for each shape anew, and every batch has another one: tens of milliseconds each.
    os.environ.setdefault("TORCH_CUDNN_SDPA_DEPRIORITIZED", "1")
    work = options.work.resolve()
    if not (work / "data").is_dir():
        sys.exit(f"{work / 'data'} is missing: run prepare.sh gpu {options.work} TEXT first, or name it in bundle.py")
    results.restore(work, options.old)
    before = results.times(work)
    call = Call(work, began + options.seconds, device())
    told: dict[str, str] = {}
    status = 0
    for name in options.stages:
        start, ended = time.monotonic(), 0
        try:
            STAGES[name](call)
            told[name] = f"done in {time.monotonic() - start:.0f} s"
        except OutOfTimeError:
            told[name], ended = f"not done in {time.monotonic() - start:.0f} s: the same call goes on", STOPPED
        except Exception as error:  # whatever it is, what was measured before it must come back
            traceback.print_exc()
            told[name], ended = f"failed: {error if isinstance(error, UserError) else repr(error)}", 1
        print(f"{name}: {told[name]}", flush=True)
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "results.md").write_text(summary(call, told))  # the whole call may be ended
        status = ended or status
        if ended == STOPPED or (ended and name not in INDEPENDENT):
            break
    for line in results.save(work, options.out, before, options.part, options.most):
        print(line)
    sys.exit(status)


if __name__ == "__main__":
    main()
