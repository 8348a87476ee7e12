"""Peak memory of one piece of work, measured in a process of its own.

The kernel's high-water mark (VmHWM) is set back once the model is loaded, so that what loading needs does not hide what
the work needs. It is not getrusage's ru_maxrss: that one can neither be set back, nor does it begin at 0, for a process
inherits the mark of the one that started it.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

import torch

from benchmarks.command import quiet

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak(NamedTuple):
    """MB (2 ** 20 bytes): of the whole process, and of that what Python and the imported libraries take alone."""

    process: float
    libraries: float

    @property
    def work(self) -> float:
        """What model and work take."""
        return self.process - self.libraries


def _status(key: str) -> float:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def _device_memory(device: str) -> float:
    free, total = torch.cuda.mem_get_info(device)
    return (total - free) / 2**20


def _measure(load: Callable[..., Callable[[], Any]], arguments: tuple[Any, ...], device: str) -> Peak:
    """In the new process. On a CUDA device it is the device's memory that counts; no allocator gives any of it back."""
    if device != "cpu":
        before = _device_memory(device)
        load(*arguments)()
        return Peak(_device_memory(device), before)
    before = _status("VmRSS")
    work = load(*arguments)
    _RESET.write_text("5")
    work()
    return Peak(_status("VmHWM"), before)


def peak_of(load: Callable[..., Callable[[], Any]], arguments: tuple[Any, ...], device: str) -> Optional[Peak]:
    """The peak of `load(*arguments)()` after `load` is through; None where the system has no such mark (not Linux)."""
    if device == "cpu" and not _RESET.exists():
        return None
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=quiet) as process:
        return process.submit(_measure, load, arguments, device).result()
