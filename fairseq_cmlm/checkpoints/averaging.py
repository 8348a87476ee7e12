"""`fairseq-cmlm average`: average the parameters of several checkpoints of one training into a new checkpoint."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Iterable, Iterator, Mapping, Optional, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.checkpoints.best import Record, best_of, record_of
from fairseq_cmlm.checkpoints.reading import read_checkpoint
from fairseq_cmlm.errors import CheckpointError
from fairseq_cmlm.files import write_files

Parameters = Mapping[str, Tensor]


def average(paths: Sequence[Path], output: Path, best: Optional[int] = None) -> list[str]:
    """Write the mean of the parameters of `paths` to `output`, or of the `best` best of them; say what was averaged.

    The result has the options of the first checkpoint and no optimizer state. Only with `best` may a path be a folder.
    """
    chosen = list(paths) if best is None else [record.path for record in best_of(paths, best)]
    records: list[Record] = []
    rest: dict[str, Any] = {}

    def models() -> Iterator[tuple[Path, Parameters]]:
        for path in chosen:
            state = read_checkpoint(path)
            records.append(record_of(path, state))
            _check_text(chosen[0], rest, path, state)
            rest.update({} if rest else {name: value for name, value in state.items() if name in _KEPT})
            yield path, state["model"]

    parameters = mean_parameters(models())
    begin = {"train_iterator": {"epoch": 1, "iterations_in_epoch": 0}}
    write_files({output: partial(torch.save, {**rest, "model": parameters, "extra_state": begin})})
    return [*(f"read    {record}" for record in records), f"wrote   {output}: the mean of {len(records)}"]


_KEPT = ("args", "cfg", "criterion", "optimizer_history", "task_state")
# In the state of a task: tokens of source and target that were learned. A training that goes on may have longer texts.
LONGEST = "longest"


def _check_text(first: Path, kept: Mapping[str, Any], path: Path, state: Mapping[str, Any]) -> None:
    """Raise if the state of the task, which tells how text is prepared, is another than in the first checkpoint."""
    theirs, others = ({**(one.get("task_state") or {}), LONGEST: None} for one in (kept, state))
    if kept and theirs != others:
        raise CheckpointError(f"{path} and {first} prepare text in two ways: average checkpoints of one training only")


def mean_parameters(models: Iterable[tuple[Path, Parameters]]) -> dict[str, Tensor]:
    """Return the mean of each parameter, summed in float64, in the dtype that it has in the first model.

    models  (file, name -> value), read one after the other

    Raises a CheckpointError unless names, shapes and whole numbers (the hash of the dictionaries) are the same in all
    models, and all other numbers finite. Tied parameters, one tensor under several names in every model, stay tied.
    """
    sums: dict[str, Tensor] = {}
    types: dict[str, torch.dtype] = {}
    identities: dict[str, tuple[Any, ...]] = {}
    first, count = Path(), 0
    for path, parameters in models:
        _check_finite(path, parameters)
        if not count:
            first, types = path, {name: value.dtype for name, value in parameters.items()}
            sums = {name: _summable(value) for name, value in parameters.items()}
            identities = dict.fromkeys(parameters, ())
        else:
            _check_alike(first, sums, path, parameters)
            sums = {name: _add(value, parameters[name]) for name, value in sums.items()}
        for name, value in parameters.items():
            identities[name] += (_identity(value),)
        count += 1
    shared: dict[tuple[Any, ...], Tensor] = {}
    for name, value in sums.items():
        mean = (value / count).to(types[name]) if types[name].is_floating_point else value
        shared.setdefault(identities[name], mean)
    return {name: shared[identity] for name, identity in identities.items()}


def _summable(value: Tensor) -> Tensor:
    return value.double() if value.is_floating_point() else value


def _add(total: Tensor, value: Tensor) -> Tensor:
    """Add floating point tensors; return integer tensors, equal in all checkpoints, unchanged."""
    return total + value if total.is_floating_point() else total


def _identity(value: Tensor) -> tuple[Any, ...]:
    """Return a key that two names share if and only if they refer to the same tensor of a checkpoint."""
    return value.untyped_storage().data_ptr(), value.storage_offset(), value.shape, value.stride()


def _check_alike(first: Path, sums: Parameters, path: Path, parameters: Parameters) -> None:
    """Raise unless names, kinds and shapes match those of the first checkpoint."""
    way_out = "average checkpoints of one training only"
    for name in sorted(sums.keys() ^ parameters.keys()):
        has, lacks = (path, first) if name in parameters else (first, path)
        raise CheckpointError(f"{lacks} lacks the parameter {name}, which {has} has: {way_out}")
    for name, value in parameters.items():
        shapes = tuple(sums[name].shape), tuple(value.shape)
        if shapes[0] != shapes[1]:
            raise CheckpointError(f"{name} has the shape {shapes[1]} in {path} and {shapes[0]} in {first}: {way_out}")
        if value.is_floating_point() != sums[name].is_floating_point():
            raise CheckpointError(f"{name} is of the type {value.dtype} in {path} but not in {first}: {way_out}")
        if not value.is_floating_point() and not value.equal(sums[name]):
            raise CheckpointError(f"{name}, of whole numbers, differs between {path} and {first}: {way_out}")


def _check_finite(path: Path, parameters: Parameters) -> None:
    """Raise if a parameter holds NaN or an infinite number, which the mean would spread over every translation."""
    for name, value in parameters.items():
        # fairseq up to 0.12.2 saves uninitialised memory in this buffer of its sinusoidal positions.
        if not name.endswith("._float_tensor") and not value.isfinite().all():
            raise CheckpointError(
                f"{name} in {path} holds NaN or infinite numbers, so this model has diverged: leave the checkpoint out"
            )
