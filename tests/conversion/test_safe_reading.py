"""A checkpoint is read without running what lies in it."""

from __future__ import annotations

import argparse
import fractions
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from released_layout import Layout, checkpoint, serialise

from fairseq_cmlm.conversion.safe_reading import Meter, read_original
from fairseq_cmlm.errors import CheckpointError


class Runs:
    """Unpickling it calls a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("legacy", [False, True])
def test_meters_are_stand_ins(tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(serialise(checkpoint(Layout(), optimizer=True), legacy))
    allowed = set(torch.serialization.get_safe_globals())
    state = read_original(path)
    meters = state["extra_state"]["train_meters"]
    assert [type(meter) for meter in meters.values()] == [Meter] * 3 and meters["TimeMeter"].sum == 3.0
    assert state["model"].keys() == checkpoint(Layout())["model"].keys()
    assert len(state["last_optimizer_state"]["state"]) > 0
    assert set(torch.serialization.get_safe_globals()) == allowed, "what else may be loaded has changed"


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("foreign", "named"),
    [
        (lambda path: Runs(os.system, f"touch {path}"), r"posix\.system"),
        (lambda path: Runs(eval, f"open({str(path)!r}, 'w').close()"), "eval"),
    ],
)
def test_foreign_code_is_named_and_not_run(tmp_path: Path, foreign: Any, named: str, legacy: bool) -> None:
    path, trace = tmp_path / "checkpoint.pt", tmp_path / "trace"
    path.write_bytes(serialise({**checkpoint(Layout()), "task": foreign(trace)}, legacy))
    with pytest.raises(CheckpointError, match=rf"checkpoint\.pt needs the foreign code {named} and was not loaded"):
        read_original(path)
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists(), "it would not have run anyway"


def test_a_foreign_class_is_named(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(serialise({**checkpoint(Layout()), "best": fractions.Fraction(1, 3)}))
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt needs the foreign code fractions\.Fraction and was not"):
        read_original(path)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (cut(serialise(checkpoint(Layout()))), "cannot be read as a checkpoint: is it complete?"),
        (cut(serialise(checkpoint(Layout()), legacy=True)), "cannot be read as a checkpoint: is it complete?"),
        (b"", "cannot be read as a checkpoint: is it complete?"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is no checkpoint and was not loaded"),
        (pickle.dumps({"args": argparse.Namespace(), "model": {}}), "cannot be read as a checkpoint|is no checkpoint"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"checkpoint\.pt ({message})") as raised:
        read_original(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("state", "missing"),
    [
        ({"args": argparse.Namespace()}, "parameters in 'model'"),
        ({"args": argparse.Namespace(), "model": {"x": 3}}, "parameters in 'model'"),
        ({"args": None, "model": {"x": torch.zeros(1)}}, "options in 'args'"),
        ([1, 2], "parameters in 'model'"),
    ],
)
def test_another_content_is_named(tmp_path: Path, state: Any, missing: str) -> None:
    torch.save(state, tmp_path / "checkpoint.pt")
    with pytest.raises(CheckpointError, match=f"no checkpoint of the released Mask-Predict: it holds no {missing}"):
        read_original(tmp_path / "checkpoint.pt")


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is a folder: name the checkpoint in it"):
        read_original(tmp_path)
    with pytest.raises(CheckpointError, match=r"gone\.pt does not exist"):
        read_original(tmp_path / "gone.pt")
