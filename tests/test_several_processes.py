"""Training with several processes, started as the recipes start it: gloo on this machine's CPU in the place of GPUs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from fairseq_commands import run as fairseq
from recipe_steps import STEPS, run, stub

# fairseq-train as if two GPUs were there, which compute on the CPU; the rank FAILS has an error in its second step.
FAIRSEQ_TRAIN = f"""#!{sys.executable}
import os, sys, torch
torch.cuda.device_count = lambda: 2
torch.cuda.set_device = lambda device: None
from fairseq.trainer import Trainer
from fairseq_cli.train import cli_main
sys.argv += ["--cpu", "--distributed-backend", "gloo"]
step = Trainer.train_step
def train_step(self, *arguments, **options):
    rank = os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0"))
    if self.get_num_updates() == 1 and rank == os.environ.get("FAILS"):
        raise RuntimeError("the memory of this rank is full")
    return step(self, *arguments, **options)
Trainer.train_step = train_step
cli_main()
"""
# srun of two machines of two tasks each: like Slurm's it waits for all, unless it is told to kill them with the first.
SRUN = """export SLURM_JOB_NODELIST=nodes SLURM_PROCID SLURM_LOCALID
kill=
[ "${1#--kill-on-bad-exit}" = "$1" ] || { kill=yes; shift; }
for SLURM_PROCID in 0 1 2 3; do SLURM_LOCALID=$((SLURM_PROCID % 2)); "$@" & done
for i in 1 2 3 4; do wait -n || { status=$?; [ -z "$kill" ] || kill $(jobs -p); }; done
exit ${status:-0}"""


class Machine:
    """train.sh with a folder of data and commands for a machine of several GPUs."""

    def __init__(self, text: Path, folder: Path) -> None:
        self.work, self.commands = folder / "work", folder / "commands"
        raw = folder / "raw"
        raw.mkdir()
        for split in ("train", "valid"):
            for side, language in (("src", "en"), ("tgt", "de")):
                shutil.copy(text / f"{split}.{side}", raw / f"{split}.{language}")
        prefixes = ("--trainpref", raw / "train", "--validpref", raw / "valid", "--destdir", self.work / "data")
        fairseq("preprocess", "-s", "en", "-t", "de", *prefixes, "--joined-dictionary")
        self.commands.mkdir()
        (self.commands / "fairseq-train").write_text(FAIRSEQ_TRAIN)
        (self.commands / "fairseq-train").chmod(0o755)
        stub(self.commands, "srun", SRUN)
        stub(self.commands, "scontrol", "echo localhost")

    def train(self, name: str, updates: int, **settings: str) -> subprocess.CompletedProcess[str]:
        """Train the tiny CMLM without dropout; an epoch has 5 updates of up to 4 batches."""
        sizes = "--encoder-layers 1 --decoder-layers 1 --encoder-embed-dim 32 --decoder-embed-dim 32"
        options = f"{sizes} --dropout 0 --lr 1e-3 --num-workers 0 --max-target-positions 40 --disable-validation"
        given = {"NAME": name, "UPDATES": str(updates), "OPTIONS": options, "TOKENS": "800", "MAX_TOKENS": "200"}
        path = f"{self.commands}:{os.environ['PATH']}"
        words = (STEPS / "train.sh", "gpu", "en-de", self.work, "raw")
        return run(*words, **{"PATH": path, "WARMUP": "2", "PRECISION": "float32", **given, **settings})

    def parameters(self, name: str) -> dict[str, torch.Tensor]:
        """The parameters of a training."""
        path = self.work / "en-de" / name / "checkpoint_last.pt"
        found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["model"]
        return found

    def log(self, name: str) -> str:
        """What a training logged."""
        return (self.work / "en-de" / name / "train.log").read_text()


SLURM = {"SLURM_NNODES": "2", "SLURM_NTASKS": "4", "SLURM_JOB_ID": str(os.getpid())}


def test_a_training_goes_on_with_another_number_of_processes(text: Path, tmp_path: Path) -> None:
    machine = Machine(text, tmp_path)
    for name, parts in {
        "one": [(8, {"GPUS": "1"})],
        "several": [(3, {"GPUS": "2"}), (7, SLURM), (8, {"GPUS": "1"})],
    }.items():
        for updates, settings in parts:
            done = machine.train(name, updates, **settings)
            assert done.returncode == 0, done.stderr + machine.log(name)
    log = machine.log("several")
    assert "initialized host" in log and "as rank 0" in log and "begin training epoch 2" in log
    one, several = machine.parameters("one"), machine.parameters("several")
    assert all(torch.allclose(value.float(), several[key].float(), atol=1e-5) for key, value in one.items())


@pytest.mark.parametrize("settings", [{"GPUS": "2"}, SLURM], ids=["torchrun", "srun"])
def test_a_rank_that_fails_ends_the_others_with_its_message(
    text: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    machine = Machine(text, tmp_path)
    done = machine.train("failing", 4, FAILS="1", **settings)
    print(done.stderr)
    assert done.returncode != 0 and "the memory of this rank is full" in done.stderr
    assert not (machine.work / "en-de" / "failing" / "4.done").exists()
