"""Safe reading of checkpoints, without running code from them."""

from __future__ import annotations

import argparse
import contextlib
import pickle
import zipfile
from pathlib import Path
from typing import Any, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from fairseq_cmlm.errors import CheckpointError, UserError


def safe_types() -> list[Any]:
    """Return the types that fairseq puts into its checkpoints beside tensors and plain types; all are harmless.

    They are argparse.Namespace (options of old models) and numpy's numbers (--eval-bleu), in the form that
    torch.serialization.safe_globals takes.
    """
    reconstruct: Any = np.array(0).__reduce__()[0]
    scalar: Any = np.float64(0).__reduce__()[0]
    dtypes = {type(np.dtype(name)) for name in ("float32", "float64", "int32", "int64", "bool")}
    # A checkpoint names numpy's modules as the numpy that wrote it did: numpy.core before 2.0, numpy._core since.
    functions = [
        (function, f"{module}.{name}")
        for function, name in ((reconstruct, "_reconstruct"), (scalar, "scalar"))
        for module in ("numpy.core.multiarray", "numpy._core.multiarray")
    ]
    return [argparse.Namespace, np.ndarray, np.dtype, *dtypes, *functions]


@contextlib.contextmanager
def explained(path: object, instead: str = "") -> Iterator[None]:
    """Turn every failure to read the checkpoint `path` inside the block into one CheckpointError that explains it.

    instead  advice for a checkpoint that needs foreign code
    """
    try:
        yield
    except pickle.UnpicklingError as error:
        _, found, rest = str(error).partition("GLOBAL ")
        what = f"needs the foreign code {rest.split()[0]}" if found else "is no checkpoint"
        raise CheckpointError(f"{path} {what} and was not loaded, for unpickling can run anything{instead}") from None
    except (FileNotFoundError, UserError):
        raise
    except Exception as error:  # a damaged file can fail in any way
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"{path} cannot be read as a checkpoint: is it complete? ({reason})") from None


def read_safely(path: Path, more_types: Sequence[Any] = (), memory_map: bool = False) -> Any:
    """Return the content of a file of torch.save, on the CPU.

    more_types  types to allow besides tensors, plain types and `safe_types`
    memory_map  read the tensors from disk only when they are used
    """
    # On exit, safe_globals forbids its types again, so it must not get those that repairs.py allowed for good.
    allowed = torch.serialization.get_safe_globals()
    types = [one for one in (*safe_types(), *more_types) if one not in allowed]
    with explained(path), torch.serialization.safe_globals(types):
        # Only the zip format, torch's since 1.6, can be mapped.
        mapped = memory_map and zipfile.is_zipfile(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)


def has_parameters(state: Any) -> bool:
    """Return whether the content of a checkpoint has a dict of tensors in "model"."""
    model = state.get("model") if isinstance(state, dict) else None
    return isinstance(model, dict) and all(isinstance(value, Tensor) for value in model.values())


def refuse_folder(path: Path) -> None:
    """Raise a CheckpointError if a folder is given in the place of a checkpoint."""
    if path.is_dir():
        best = f"the mean of its best that fairseq-cmlm average --best 5 {path} makes"
        raise CheckpointError(f"{path} is a folder: name a checkpoint in it, such as checkpoint_best.pt, or {best}")


def read_checkpoint(path: Path, memory_map: bool = False) -> dict[str, Any]:
    """Return the content of a checkpoint of fairseq-train; `memory_map` as in `read_safely`."""
    refuse_folder(path)
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist")
    state: dict[str, Any] = read_safely(path, memory_map=memory_map)
    if not has_parameters(state):
        raise CheckpointError(f"{path} is no checkpoint of fairseq-train: it holds no parameters in 'model'")
    return state
