"""Reading a checkpoint of the released code without running code from it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fairseq_cmlm.errors import CheckpointError
from fairseq_cmlm.plugin.repairs import explained


class Meter:
    """Stands in for the meters of a 2019 fairseq, which its checkpoints pickle; nothing of them is used."""


_METERS = [f"fairseq.meters.{name}" for name in ("AverageMeter", "TimeMeter", "StopwatchMeter")]


def read_original(path: Path) -> dict[str, Any]:
    """The content of a checkpoint (zip, or the serialisation before torch 1.6), all on the CPU.

    Only tensors, plain types, an argparse.Namespace and empty stand-ins for fairseq's meters are made, besides what
    plugin/repairs.py allows for every checkpoint. Any other class is a CheckpointError that names it.
    """
    if not path.is_file():
        what = "is a folder: name the checkpoint in it" if path.is_dir() else "does not exist"
        raise CheckpointError(f"{path} {what}")
    with explained(path), torch.serialization.safe_globals([(Meter, name) for name in _METERS]):
        state = torch.load(path, map_location="cpu", weights_only=True)
    model = state.get("model") if isinstance(state, dict) else None
    if not isinstance(model, dict) or not all(isinstance(value, Tensor) for value in model.values()):
        raise CheckpointError(
            f"{path} is no checkpoint of the released Mask-Predict: it holds no parameters in 'model'"
        )
    if not isinstance(state.get("args"), argparse.Namespace):
        raise CheckpointError(f"{path} is no checkpoint of the released Mask-Predict: it holds no options in 'args'")
    return state
