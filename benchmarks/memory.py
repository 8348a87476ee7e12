"""Peak memory of one piece of work, on a CPU measured in a process of its own.

The kernel's high-water mark (VmHWM) is set back once the model is loaded, so that what loading needs does not hide what
the work needs. It is not getrusage's ru_maxrss: that one can neither be set back, nor does it begin at 0, for a process
inherits the mark of the one that started it.
"""

from __future__ import annotations

import gc
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

import torch

from benchmarks.command import quiet

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak(NamedTuple):
    """MB (2 ** 20 bytes): of all there is, and of that what was there before (Python and the libraries on a CPU)."""

    process: float
    libraries: float

    @property
    def work(self) -> float:
        """Return the MB that model and work take, without Python and the libraries."""
        return self.process - self.libraries


def _status(key: str) -> float:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def _measure(load: Callable[..., Callable[[], Any]], arguments: tuple[Any, ...]) -> Peak:
    """Load, forget the peak so far, work, and return the peak; runs in the new process."""
    before = _status("VmRSS")
    work = load(*arguments)
    _RESET.write_text("5")
    work()
    return Peak(_status("VmHWM"), before)


def _measure_device(load: Callable[..., Callable[[], Any]], arguments: tuple[Any, ...], device: str) -> Peak:
    """Measure in this process: the allocator of a CUDA device tells what was taken beside what other models hold."""
    gc.collect()
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    load(*arguments)()
    return Peak(torch.cuda.max_memory_allocated(device) / 2**20, before / 2**20)


def peak_of(load: Callable[..., Callable[[], Any]], arguments: tuple[Any, ...], device: str) -> Optional[Peak]:
    """Return the peak of `load(*arguments)()` after `load` is through; None where the system has no such mark."""
    if device != "cpu":
        return _measure_device(load, arguments, device)
    if not _RESET.exists():
        return None
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=quiet) as process:
        return process.submit(_measure, load, arguments).result()
