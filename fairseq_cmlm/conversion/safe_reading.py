"""Safe reading of the released code's checkpoints, without running code from them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fairseq_cmlm.checkpoints.reading import has_parameters, read_safely
from fairseq_cmlm.errors import CheckpointError


class Meter:
    """A stand-in for the meters of a 2019 fairseq, which its checkpoints pickle and which are not used."""


_METERS = [(Meter, f"fairseq.meters.{name}") for name in ("AverageMeter", "TimeMeter", "StopwatchMeter")]


def read_original(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint (zip, or the format before torch 1.6) on the CPU.

    Only tensors, plain types, the types of checkpoints/reading.py and empty stand-ins for fairseq's meters are created.
    Any other class raises a CheckpointError that names it.
    """
    if not path.is_file():
        what = "is a folder: name the checkpoint in it" if path.is_dir() else "does not exist"
        raise CheckpointError(f"{path} {what}")
    state: dict[str, Any] = read_safely(path, _METERS)
    for holds, what in ((has_parameters(state), "parameters in 'model'"), (_has_options(state), "options in 'args'")):
        if not holds:
            raise CheckpointError(f"{path} is no checkpoint of the released Mask-Predict: it holds no {what}")
    return state


def _has_options(state: Any) -> bool:
    return isinstance(state, dict) and isinstance(state.get("args"), argparse.Namespace)
