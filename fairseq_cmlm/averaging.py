"""`fairseq-cmlm average`: the mean of several checkpoints of one training, as a checkpoint to translate with."""

from __future__ import annotations

import math
import zipfile
from argparse import Namespace
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Iterable, Iterator, Mapping, Optional, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.conversion.writing import write_together
from fairseq_cmlm.errors import CheckpointError, OptionError
from fairseq_cmlm.plugin.repairs import explained

Parameters = Mapping[str, Tensor]


@dataclass(frozen=True)
class Record:
    """What fairseq-train wrote into a checkpoint about it.

    metric, value     --best-checkpoint-metric of the validation after these updates; value is None without one
    larger_is_better  --maximize-best-checkpoint-metric
    """

    path: Path
    updates: int
    metric: str
    value: Optional[float]
    larger_is_better: bool

    def __str__(self) -> str:
        validation = "not validated" if self.value is None else f"{self.metric} {self.value:.3f}"
        return f"{self.path}: {self.updates} updates, {validation}"


def average(paths: Sequence[Path], output: Path, best: Optional[int] = None) -> list[str]:
    """Write the mean of the parameters of `paths` to `output`; with `best`, of the so many best of them.

    Returns lines that say what was averaged. The result has the options of the first one, and no optimizer state.
    A path may be a folder only with `best`.
    """
    chosen = list(paths) if best is None else [record.path for record in best_of(paths, best)]
    records: list[Record] = []
    rest: dict[str, Any] = {}

    def models() -> Iterator[tuple[Path, Parameters]]:
        for path in chosen:
            state = read_checkpoint(path)
            records.append(record_of(path, state))
            rest.update({} if rest else {name: value for name, value in state.items() if name in _KEPT})
            yield path, state["model"]

    parameters = mean_parameters(models())
    begin = {"train_iterator": {"epoch": 1, "iterations_in_epoch": 0}}
    write_together({output: partial(torch.save, {**rest, "model": parameters, "extra_state": begin})})
    return [*(f"read    {record}" for record in records), f"wrote   {output}: the mean of {len(records)}"]


_KEPT = ("args", "cfg", "criterion", "optimizer_history", "task_state")


def mean_parameters(models: Iterable[tuple[Path, Parameters]]) -> dict[str, Tensor]:
    """The mean of each parameter, summed in float64, with the type that it has in the first model.

    models  (file, name -> value), read one after the other. Names and shapes must be the same in all, and what is no
            floating point number, as the hash of the dictionaries, too; else it is a CheckpointError.

    What is one tensor under several names in every model is so in the mean.
    """
    sums: dict[str, Tensor] = {}
    types: dict[str, torch.dtype] = {}
    identities: dict[str, tuple[Any, ...]] = {}
    first, count = Path(), 0
    for path, parameters in models:
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
    """The sum; of what is no floating point number, which is the same in both, `total`."""
    return total + value if total.is_floating_point() else total


def _identity(value: Tensor) -> tuple[Any, ...]:
    """What two names have in common exactly if they stand for one tensor of a checkpoint."""
    return value.untyped_storage().data_ptr(), value.storage_offset(), value.shape, value.stride()


def _check_alike(first: Path, sums: Parameters, path: Path, parameters: Parameters) -> None:
    """Refuse what is another model than the first, naming the parameter."""
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


def best_of(paths: Sequence[Path], number: int) -> list[Record]:
    """The `number` best checkpoints in `paths` (files, and folders of checkpoint*.pt), the best first.

    The measure is the one of the training, its validation loss if it had no other. Copies (checkpoint_best.pt,
    checkpoint_last.pt) count once.
    """
    if number < 1:
        raise OptionError(f"--best {number} must be at least 1")
    files = [file for path in paths for file in (sorted(path.glob("checkpoint*.pt")) if path.is_dir() else [path])]
    # With memory mapping nothing but the records is read from the disk.
    records = [record_of(file, read_checkpoint(file, memory_map=True)) for file in files]
    validated = {record.updates: record for record in reversed(records) if record.value is not None}
    kinds = {(record.metric, record.larger_is_better) for record in validated.values()}
    if len(kinds) > 1:
        raise CheckpointError(
            f"the checkpoints record different measures, {', '.join(sorted(metric for metric, _ in kinds))}: name the "
            "files to average, without --best"
        )
    if len(validated) < number:
        raise CheckpointError(
            f"--best {number} is more than the {len(validated)} validated checkpoints in {', '.join(map(str, paths))} "
            f"({len(files)} files, copies included): use fewer, or have fairseq-train keep more "
            "(--keep-best-checkpoints, --keep-last-epochs)"
        )
    return sorted(validated.values(), key=_rank)[:number]


def _rank(record: Record) -> tuple[float, int]:
    """Smaller is better; at the same value, more updates."""
    value = 0.0 if record.value is None else record.value
    return -value if record.larger_is_better else value, -record.updates


def record_of(path: Path, state: Mapping[str, Any]) -> Record:
    """The record in a checkpoint; what an old one lacks has fairseq's default."""
    args = state.get("args") or Namespace()
    options = state["cfg"]["checkpoint"] if state.get("cfg") else vars(args)
    history = state.get("optimizer_history") or [{}]
    value = (state.get("extra_state") or {}).get("val_loss")
    return Record(
        path=path,
        updates=history[-1].get("num_updates", 0),
        metric=options.get("best_checkpoint_metric", "loss"),
        value=None if value is None or not math.isfinite(value) else float(value),
        larger_is_better=options.get("maximize_best_checkpoint_metric", False),
    )


def read_checkpoint(path: Path, memory_map: bool = False) -> dict[str, Any]:
    """The content of a checkpoint of fairseq-train, on the CPU; no code in it is run.

    memory_map  read the tensors only when they are used
    """
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder: name the checkpoints in it, or add --best 5 for its 5 best")
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist")
    with explained(path):
        # Only the zip format, torch's since 1.6, can be mapped.
        mapped = memory_map and zipfile.is_zipfile(path)
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    model = state.get("model") if isinstance(state, dict) else None
    if not isinstance(model, dict) or not all(isinstance(value, Tensor) for value in model.values()):
        raise CheckpointError(f"{path} is no checkpoint of fairseq-train: it holds no parameters in 'model'")
    return state
