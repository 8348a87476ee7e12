"""Timing: the systems in turn, round after round, each on all batches."""

from __future__ import annotations

import contextlib
import gc
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Generic, Iterator, Mapping, Protocol, Sequence, TypeVar

import torch

from benchmarks.sentences import Sentence, widest

Item = TypeVar("Item")
Key = TypeVar("Key")
Done = TypeVar("Done")
Finished = TypeVar("Finished", covariant=True)


class Measured(Protocol[Finished]):
    """A system made ready. Only `work` is timed."""

    def prepare(self, batch: Sequence[Sentence]) -> Any:
        """The batch as the system takes it."""

    def work(self, prepared: Any) -> Any:
        """What is measured."""

    def finish(self, batch: Sequence[Sentence], prepared: Any, result: Any) -> Sequence[Finished]:
        """What was done with the batch. Raises where that is not what was to be measured."""


@dataclass
class Timing(Generic[Done]):
    """latencies: the seconds of each batch, a list a round; done: of the last round, in the order of the batches."""

    latencies: list[list[float]] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)

    @property
    def rounds(self) -> list[float]:
        """Seconds of each round."""
        return [sum(batches) for batches in self.latencies]


def rotated(items: Sequence[Item], turn: int) -> list[Item]:
    """The items in order, beginning with another one in each turn."""
    start = turn % len(items)
    return [*items[start:], *items[:start]]


def waiting(device: str) -> Callable[[], None]:
    """A function that returns when the device has nothing left to do."""
    return (lambda: None) if device == "cpu" else (lambda: torch.cuda.synchronize(device))


@contextlib.contextmanager
def without_collections() -> Iterator[None]:
    """Keep Python's garbage collector out of the measured times: with all of fairseq in memory it takes long."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def run_all(
    system: Measured[Done], batches: Sequence[list[Sentence]], wait: Callable[[], None]
) -> tuple[list[float], list[Done]]:
    """Seconds of each batch, and what was done with them. `wait` until the device is idle."""
    seconds: list[float] = []
    done: list[Done] = []
    for batch in batches:
        prepared = system.prepare(batch)
        wait()
        start = time.perf_counter()
        result = system.work(prepared)
        wait()
        seconds.append(time.perf_counter() - start)
        done += system.finish(batch, prepared, result)
    return seconds, done


def alternate(
    systems: Mapping[Key, Measured[Done]], batches: Sequence[list[Sentence]], rounds: int, device: str
) -> dict[Key, Timing[Done]]:
    """Warm each system up on the widest batch, then let them run in turn, `rounds` times over all batches."""
    wait = waiting(device)
    for system in systems.values():
        run_all(system, [widest(batches)], wait)
    timings: dict[Key, Timing[Done]] = {key: Timing() for key in systems}
    for turn in range(rounds):
        with without_collections():
            for key in rotated(list(systems), turn):
                seconds, timings[key].done = run_all(systems[key], batches, wait)
                timings[key].latencies.append(seconds)
    return timings
