"""Training through fairseq-train."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq_commands import LANGUAGES, PLUGIN, TINY, generate, run, train

from fairseq_cmlm.errors import CheckpointError, OptionError

VALIDATING = tuple(option for option in TINY if option != "--disable-validation")
STEADY = ("--dropout", 0, "--lr", "1e-3", "--clip-norm", 1.0)


def parameters(checkpoint: Path) -> dict[str, torch.Tensor]:
    """The model's parameters and buffers."""
    state: dict[str, Any] = torch.load(checkpoint, weights_only=True)
    return state["model"]


def same(left: Path, right: Path, tolerance: float = 0.0) -> bool:
    """Whether two checkpoints hold the same parameters."""
    a, b = parameters(left), parameters(right)
    return a.keys() == b.keys() and all(torch.allclose(a[k], b[k], rtol=0, atol=tolerance) for k in a)


def validation_losses(log: str) -> list[str]:
    """The `loss` of each validation."""
    return re.findall(r"valid on 'valid' subset \|.* loss ([0-9.]+)", log)


@pytest.fixture(scope="module")
def plain(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint after 15 updates, which are more than one epoch."""
    folder = tmp_path_factory.mktemp("plain")
    log = train(data, folder, *STEADY, updates=15)
    assert "begin training epoch 2" in log
    return folder / "checkpoint_last.pt"


def test_same_seed_same_model_with_any_number_of_workers(data: Path, plain: Path, tmp_path: Path) -> None:
    train(data, tmp_path, *STEADY, "--num-workers", 2, updates=15)
    assert same(plain, tmp_path / "checkpoint_last.pt")


@pytest.mark.parametrize("stop", [3, 12])
def test_a_resumed_training_is_the_whole_one(data: Path, plain: Path, tmp_path: Path, stop: int) -> None:
    train(data, tmp_path, *STEADY, updates=stop)
    assert not same(plain, tmp_path / "checkpoint_last.pt")
    log = train(data, tmp_path, *STEADY, updates=15)
    assert "Loaded checkpoint" in log
    assert same(plain, tmp_path / "checkpoint_last.pt")


def test_masks_of_dropout_are_resumed_in_bfloat16_with_any_number_of_workers(data: Path, tmp_path: Path) -> None:
    options = ("--lr", "1e-3", "--dropout", 0.3, "--attention-dropout", 0.1, "--training-dtype", "bfloat16")
    train(data, tmp_path / "whole", *options, updates=12)
    for updates in (5, 12):
        train(data, tmp_path / "parts", *options, "--num-workers", 2, updates=updates)
    assert same(tmp_path / "whole" / "checkpoint_last.pt", tmp_path / "parts" / "checkpoint_last.pt")


def test_bfloat16_trains_float32_parameters(data: Path, plain: Path, tmp_path: Path) -> None:
    reduced = ("--training-dtype", "bfloat16")
    train(data, tmp_path, *STEADY, *reduced, updates=15)
    saved = tmp_path / "checkpoint_last.pt"
    assert not same(plain, saved)
    assert {value.dtype for value in parameters(saved).values() if value.is_floating_point()} == {torch.float32}
    assert generate(data, saved)["H"].keys() == set(range(17))
    for updates, options in ((16, ()), (17, reduced)):  # goes on as either
        log = train(data, tmp_path, *STEADY, *options, "--log-interval", 1, updates=updates)
        assert "Loaded checkpoint" in log and f"num_updates={updates}" in log


def test_bfloat16_beside_fairseqs_own_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--training-dtype bfloat16 takes the place of fairseq's --fp16, --bf16"):
        train(data, tmp_path, "--training-dtype", "bfloat16", "--bf16", updates=1)


def test_another_seed_is_another_model(data: Path, plain: Path, tmp_path: Path) -> None:
    train(data, tmp_path, *STEADY, "--seed", 2, updates=15)
    assert not same(plain, tmp_path / "checkpoint_last.pt")


def test_masks_are_new_in_each_epoch_but_not_in_validation(data: Path, tmp_path: Path) -> None:
    frozen = ("--lr", 0, "--dropout", 0, "--max-epoch", 3, "--save-dir", tmp_path, "--no-save")
    log = run("train", data, *PLUGIN, *LANGUAGES, *VALIDATING, *frozen)
    valid = validation_losses(log)
    assert len(valid) == 3 and len(set(valid)) == 1
    training = re.findall(r"^epoch \d+ \| loss ([0-9.]+)", log, re.MULTILINE)
    assert len(training) == 3 and len(set(training)) == 3
    other = run("train", data, *PLUGIN, *LANGUAGES, *VALIDATING, *frozen, "--batch-size-valid", 4)
    assert validation_losses(other) == valid


def test_what_is_logged(data: Path, tmp_path: Path) -> None:
    log = train(data, tmp_path, "--log-interval", 1, updates=2)
    line = next(line for line in log.splitlines() if "num_updates=1" in line)
    found = {name: float(value) for name, value in re.findall(r"(\w+)=([0-9.]+)", line)}
    assert {"loss", "nll_loss", "ppl", "length_loss", "length_accuracy", "masked_wps"} <= found.keys()
    assert found["ppl"] == pytest.approx(2 ** found["nll_loss"], rel=0.01)
    # An untrained model knows nothing of the 40 lengths.
    assert found["length_loss"] == pytest.approx(5.3, abs=0.5)


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("objective", ["cmlm", "cmlmc"])
def test_two_processes_train_as_one_on_the_same_batches(data: Path, tmp_path: Path, objective: str) -> None:
    """An objective may run the decoder several times: it is one forward pass to the processes."""
    learning = (*STEADY, "--objective", objective)
    train(data, tmp_path / "one", *learning, "--update-freq", 2, updates=6)
    address = f"tcp://localhost:{free_port()}"
    options = (*PLUGIN, *LANGUAGES, *TINY, *learning, "--max-update", 6, "--save-dir", tmp_path / "two")
    gloo = ("--distributed-world-size", 2, "--distributed-no-spawn", "--distributed-init-method", address)
    gloo += ("--distributed-backend", "gloo", "--ddp-backend", "legacy_ddp")
    command = [Path(sys.executable).parent / "fairseq-train", data, *options, *gloo, "--distributed-rank"]
    ranks = [
        subprocess.Popen([*map(str, command), str(rank)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for rank in range(2)
    ]
    logs = [rank.communicate(timeout=300)[0] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], logs
    assert same(tmp_path / "one/checkpoint_last.pt", tmp_path / "two/checkpoint_last.pt", tolerance=1e-5)


@pytest.mark.parametrize(
    "options",
    [("--training-dtype", "bfloat16"), ("--bf16",), ("--memory-efficient-bf16",)],
    ids=lambda options: options[0],
)
def test_lower_precision_learns(data: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    log = train(data, tmp_path, *STEADY, *options, "--log-interval", 1, "--lr", "3e-3", updates=40)
    losses = [float(loss) for loss in re.findall(r"^epoch \d+: .*?\d loss=([0-9.]+)", log, re.MULTILINE)]
    assert losses[-1] < losses[0] - 1
    assert len(generate(data, tmp_path / "checkpoint_last.pt", "--decoding-iterations", 1)["H"]) == 17


def test_moving_average_is_kept_and_resumed(data: Path, tmp_path: Path) -> None:
    average = ("--store-ema", "--ema-decay", 0.5, "--ema-fp32")
    train(data, tmp_path, *average, updates=4)
    log = train(data, tmp_path, *average, updates=8)
    assert "Loaded checkpoint" in log
    state = torch.load(tmp_path / "checkpoint_last.pt", weights_only=True)
    moving, last = state["extra_state"]["ema_fp32_params"], state["model"]
    name = "decoder.layers.0.ffn.expand.weight"
    assert not torch.equal(moving[name], last[name])
    assert torch.allclose(moving[name], last[name], atol=0.05)


def test_best_checkpoint_by_bleu(data: Path, tmp_path: Path) -> None:
    best = ("--eval-bleu", "--best-checkpoint-metric", "bleu", "--maximize-best-checkpoint-metric", "--max-epoch", 2)
    options = (*PLUGIN, *LANGUAGES, *VALIDATING, *best, "--save-dir", tmp_path)
    log = run("train", data, *options, "--eval-bleu-args", '{"decoding_iterations": 2, "length_beam": 2}')
    assert len(re.findall(r"valid on 'valid' subset \|.* bleu [0-9.]+", log)) == 2
    assert (tmp_path / "checkpoint_best.pt").exists()
    assert "Loaded checkpoint" in run("train", data, *options, "--max-epoch", 3)
    assert len(generate(data, tmp_path / "checkpoint_best.pt", "--decoding-iterations", 1)["H"]) == 17


def test_a_part_of_the_data_is_no_training(data: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--num-shards 2 would leave data out of the training"):
        train(data, tmp_path, "--num-shards", 2, updates=1)
    with pytest.raises(OptionError, match="--sentence-avg is not for --criterion cmlm_loss"):
        train(data, tmp_path, "--sentence-avg", updates=1)
    with pytest.raises(OptionError, match="--decoding-iterations '4' must be a whole number"):
        train(data, tmp_path, "--eval-bleu", "--eval-bleu-args", '{"decoding_iterations": "4"}', updates=1)
    with pytest.raises(OptionError, match="--eval-bleu-args: decoding_iteration is no decoding option: did you mean"):
        train(data, tmp_path, "--eval-bleu", "--eval-bleu-args", '{"decoding_iteration": 4}', updates=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--share-all-embeddings",), "the optimizer has other parameters"),
        (("--decoder-layers", 1), "Unexpected key.* in state_dict"),
        (("--encoder-ffn-embed-dim", 32), "size mismatch for encoder"),
    ],
)
def test_a_checkpoint_of_other_options_is_refused(
    data: Path, plain: Path, tmp_path: Path, options: tuple[object, ...], message: str
) -> None:
    with pytest.raises(CheckpointError, match=f"checkpoint_last.pt is a model of other options .*{message}"):
        train(data, tmp_path, "--restore-file", plain, *options, updates=20)
