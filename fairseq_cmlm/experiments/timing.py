"""Timing: jobs in turn, round after round, each on all batches."""

from __future__ import annotations

import contextlib
import gc
import time
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Callable, Generic, Hashable, Iterator, Mapping, NamedTuple, Protocol, Sequence, TypeVar

import torch

from fairseq_cmlm.experiments.sentences import Sentence, widest

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)
Done = TypeVar("Done")
Finished = TypeVar("Finished", covariant=True)
# Batches done, and of how many, all jobs and rounds together.
Progress = Callable[[int, int], None]


class Job(Protocol[Finished]):
    """A system made ready. Only `work` is timed."""

    def prepare(self, batch: Sequence[Sentence]) -> Any:
        """Return the batch as the system takes it."""

    def work(self, prepared: Any) -> Any:
        """Do what is measured."""

    def finish(self, batch: Sequence[Sentence], prepared: Any, result: Any) -> Sequence[Finished]:
        """Return what was done with each sentence. Raises where that is not what was to be measured."""


@dataclass
class Timing(Generic[Done]):
    """latencies: the seconds of each batch, a list a round; parts: what was done with each batch in the last round."""

    latencies: list[list[float]] = field(default_factory=list)
    parts: list[Sequence[Done]] = field(default_factory=list)

    @property
    def rounds(self) -> list[float]:
        """Return the seconds of each round."""
        return [sum(batches) for batches in self.latencies]

    @property
    def done(self) -> list[Done]:
        """Return the results, in the order of the batches."""
        return [one for part in self.parts for one in part]


def rotated(items: Sequence[Item], turn: int) -> list[Item]:
    """Return the items in order, beginning with another one in each turn."""
    start = turn % len(items)
    return [*items[start:], *items[:start]]


def by_round(keys: Sequence[Key], batches: int, turn: int) -> Iterator[tuple[Key, int]]:
    """Let each job do all batches before the next one begins: its model stays in the processor's caches."""
    return ((key, number) for key in rotated(keys, turn) for number in range(batches))


def by_batch(keys: Sequence[Key], batches: int, turn: int) -> Iterator[tuple[Key, int]]:
    """Let all jobs do a batch before the next batch begins: what slows the machine down strikes all of them."""
    return ((key, number) for number in range(batches) for key in rotated(keys, turn + number))


def alternate(
    jobs: Mapping[Key, Job[Done]],
    batches: Sequence[list[Sentence]],
    rounds: int,
    device: str,
    *,
    order: Callable[[Sequence[Key], int, int], Iterator[tuple[Key, int]]] = by_round,
    warm_up: bool = True,
    progress: Progress = lambda done, total: None,
) -> dict[Key, Timing[Done]]:
    """Let the jobs run in turn, `rounds` times over all batches, and return the times and results of each.

    order    of a round: by_round or by_batch
    warm_up  let each job do the widest batch before, which is not timed
    """
    wait = _waiting(device)
    for job in jobs.values() if warm_up else ():
        _run(job, widest(batches), wait)
    timings: dict[Key, Timing[Done]] = {key: Timing([], [()] * len(batches)) for key in jobs}
    done = 0
    for turn in range(rounds):
        for timing in timings.values():
            timing.latencies.append([0.0] * len(batches))
        with _without_collections():
            for key, number in order(list(jobs), len(batches), turn):
                timing = timings[key]
                timing.latencies[turn][number], timing.parts[number] = _run(jobs[key], batches[number], wait)
                done += 1
                progress(done, rounds * len(batches) * len(jobs))
    return timings


def _run(job: Job[Done], batch: list[Sentence], wait: Callable[[], None]) -> tuple[float, Sequence[Done]]:
    """Return the seconds of one batch, and what was done with it."""
    prepared = job.prepare(batch)
    wait()
    start = time.perf_counter()
    result = job.work(prepared)
    wait()
    seconds = time.perf_counter() - start
    return seconds, job.finish(batch, prepared, result)


def _waiting(device: str) -> Callable[[], None]:
    """Return a function that returns when the device has nothing left to do."""
    return (lambda: None) if torch.device(device).type == "cpu" else (lambda: torch.cuda.synchronize(device))


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Keep Python's garbage collector out of the measured times: with all of fairseq in memory it takes long."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Spread(NamedTuple):
    """The middle of some values and how far they reach."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Return median, least and greatest."""
    return Spread(median(values), min(values), max(values))


def speed_ratios(peer: Sequence[float], ours: Sequence[float]) -> list[float]:
    """Return how many times as fast as the peer each round was; both are the seconds of the same rounds."""
    if len(peer) != len(ours):
        raise ValueError(f"{len(peer)} and {len(ours)} rounds cannot be paired")
    return [theirs / own for theirs, own in zip(peer, ours)]
