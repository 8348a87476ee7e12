"""Results that a call leaves for the next one: the files that a stage has made, checkpoints in half precision."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Optional

import torch
from parts import MEGABYTE, pack, unpack

from fairseq_cmlm.checkpoints.reading import read_checkpoint
from fairseq_cmlm.files import write_files

NAME = "results.tar.gz"
DIRECTION = "en-de"
# Small files of a training; its checkpoints are added by what is needed still.
OF_A_TRAINING = ("training", "train.log", "failed", "*.done")


def kept(work: Path) -> Iterator[Path]:
    """Yield the files, and folders of data, that another machine needs to go on from `work`."""
    folder = work / DIRECTION
    yield from (work / name for name in ("steps.log", "plan.sh") if (work / name).exists())
    yield from (path for path in (work / "figures").rglob("*") if path.is_file())
    for training in folder.glob("*/training"):
        yield from (path for pattern in OF_A_TRAINING for path in training.parent.glob(pattern))
        averaged, last = training.with_name("averaged.pt"), training.with_name("checkpoint_last.pt")
        yield from (path for path in (averaged if averaged.exists() else last,) if path.exists())
    data = folder / "distilled-data"
    yield from (data, *data.glob("*")) if data.exists() else folder.glob("shards/*.out")
    yield from (*folder.glob("test/*.out"), *folder.glob("scores.md"))
    done = (folder / "report" / "report.md").exists()
    yield from (path for path in folder.glob("report/*" if done else "report/cells/*") if path.is_file())


def times(work: Path) -> dict[Path, float]:
    """Return when each of the files was written."""
    return {path: path.stat().st_mtime for path in kept(work)}


def save(work: Path, out: Path, before: Mapping[Path, float], part: float, most: Optional[float]) -> list[str]:
    """Pack what was written since `before` into parts of `part` MB; return lines that say what comes back.

    most  MB in all: the largest files are left out until the rest fits, before compression
    """
    changed = [path for path, time in times(work).items() if before.get(path) != time]
    with tempfile.TemporaryDirectory() as temporary:
        files = {}
        for path in changed:
            name = str(path.relative_to(work))
            files[name] = _halved_file(path, Path(temporary, name)) if path.suffix == ".pt" else path
        left_out = []
        while most is not None and sum(map(_size, files.values())) > most:
            largest = max(files, key=lambda name: _size(files[name]))
            left_out.append(f"left out: {largest}, {_size(files.pop(largest)):.1f} MB; it is lost with this machine")
            if largest.endswith(".pt"):  # without its checkpoint a training has not ended
                training = Path(largest).parent
                files = {name: path for name, path in files.items() if not _ends(name, training)}
        parts = pack(files, out / NAME, part, "gz")
    size = sum(map(_size, parts))
    return [f"{len(files)} files in {len(parts)} parts, {size:.1f} MB", *left_out]


def restore(work: Path, folders: list[Path]) -> None:
    """Unpack what earlier calls left; what `work` has already stays."""
    for folder in reversed(folders):
        unpack(folder / NAME, work, keep=True)


def _ends(name: str, training: Path) -> bool:
    """Return whether a file says that a training has ended."""
    return Path(name).parent == training and name.endswith(".done")


def _size(path: Path) -> float:
    return path.stat().st_size / MEGABYTE


def _halved_file(path: Path, output: Path) -> Path:
    state = read_checkpoint(path, memory_map=True)
    write_files({output: partial(torch.save, halved(state))})
    os.utime(output, (path.stat().st_mtime,) * 2)
    return output


def halved(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a checkpoint with parameters in float16 and Adam's moments in bfloat16; fairseq loads them as float32.

    The squares of gradients are below what float16 can hold. Tied parameters stay tied.
    """
    seen: dict[tuple[Any, ...], torch.Tensor] = {}
    optimizer = _cast(state.get("last_optimizer_state"), torch.bfloat16, seen)
    moments = {} if optimizer is None else {"last_optimizer_state": optimizer}
    return {**state, "model": _cast(state["model"], torch.float16, seen), **moments}


def _cast(value: Any, dtype: torch.dtype, seen: dict[tuple[Any, ...], torch.Tensor]) -> Any:
    if isinstance(value, dict):
        return {key: _cast(one, dtype, seen) for key, one in value.items()}
    if isinstance(value, list):
        return [_cast(one, dtype, seen) for one in value]
    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return value
    key = (value.untyped_storage().data_ptr(), value.storage_offset(), value.shape, value.stride())
    return seen.setdefault(key, value.to(dtype))
