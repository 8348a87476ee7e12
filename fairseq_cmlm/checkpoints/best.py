"""The best checkpoints of one or several trainings, by the validation results that fairseq-train stored in them."""

from __future__ import annotations

import math
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

from fairseq_cmlm.checkpoints.reading import read_checkpoint
from fairseq_cmlm.errors import CheckpointError, OptionError


@dataclass(frozen=True)
class Record:
    """The validation result that fairseq-train stored in a checkpoint.

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


def record_of(path: Path, state: Mapping[str, Any]) -> Record:
    """Return the record in a checkpoint; fields that an old one lacks have fairseq's defaults."""
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


def best_of(paths: Sequence[Path], number: int) -> list[Record]:
    """Return the `number` best checkpoints in `paths` (files, and folders of checkpoint*.pt), the best first.

    They are ranked by the training's --best-checkpoint-metric, by default the validation loss. Checkpoints with equal
    parameters count once, such as checkpoint_best.pt and checkpoint_last.pt beside the files they copy.
    """
    if number < 1:
        raise OptionError(f"--best {number} must be at least 1")
    files = [file for path in paths for file in (sorted(path.glob("checkpoint*.pt")) if path.is_dir() else [path])]
    # With memory mapping only the records are read from disk.
    records = [record_of(file, read_checkpoint(file, memory_map=True)) for file in files]
    validated = _without_copies([record for record in records if record.value is not None])
    kinds = {(record.metric, record.larger_is_better) for record in validated}
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
    return sorted(validated, key=_rank)[:number]


def _rank(record: Record) -> tuple[float, int]:
    """Return a sorting key that puts the best first and, among equal values, the one with more updates."""
    value = 0.0 if record.value is None else record.value
    return -value if record.larger_is_better else value, -record.updates


def _without_copies(records: Sequence[Record]) -> list[Record]:
    """Drop each record whose parameters equal those of an earlier one with the same number of updates."""
    kept: list[Record] = []
    for record in records:
        alike = [other for other in kept if other.updates == record.updates]
        if not any(_equal_parameters(other.path, record.path) for other in alike):
            kept.append(record)
    return kept


def _equal_parameters(one: Path, other: Path) -> bool:
    """Compare two checkpoints tensor by tensor, up to the first difference."""
    left, right = (read_checkpoint(path, memory_map=True)["model"] for path in (one, other))
    return left.keys() == right.keys() and all(value.equal(right[name]) for name, value in left.items())
