"""Reading a checkpoint of the released code without running code from it."""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path
from typing import Any

import torch

from fairseq_cmlm.errors import CheckpointError


class Meter:
    """Stands in for the meters of a 2019 fairseq, which its checkpoints pickle; nothing of them is used."""


_METERS = [f"fairseq.meters.{name}" for name in ("AverageMeter", "TimeMeter", "StopwatchMeter")]


def read_original(path: Path) -> dict[str, Any]:
    """The content of a checkpoint (zip, or the serialisation before torch 1.6), all on the CPU.

    Only tensors, plain types, an argparse.Namespace and empty stand-ins for fairseq's meters are made. Any other class
    is a CheckpointError that names it.
    """
    try:
        with torch.serialization.safe_globals([argparse.Namespace, *((Meter, name) for name in _METERS)]):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"there is no checkpoint {path}") from None
    except pickle.UnpicklingError as error:
        _, found, rest = str(error).partition("GLOBAL ")
        what = f"needs the foreign code {rest.split(' ')[0]}" if found else "is no checkpoint"
        raise CheckpointError(f"{path} {what} and was not loaded, for unpickling can run anything") from None
    except (EOFError, OSError, RuntimeError) as error:
        raise CheckpointError(f"{path} cannot be read as a checkpoint: is it complete? ({error})") from None
    if not isinstance(state, dict) or not isinstance(state.get("args"), argparse.Namespace) or "model" not in state:
        raise CheckpointError(f"{path} is no checkpoint of the released Mask-Predict: it holds no 'args' and 'model'")
    return state
