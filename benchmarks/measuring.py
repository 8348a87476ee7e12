"""Timing: the systems in turn, round after round, each on all batches."""

from __future__ import annotations

import contextlib
import gc
import time
from dataclasses import dataclass, field
from typing import Callable, Iterator, Sequence, TypeVar

import torch

from benchmarks.sentences import Sentence, widest
from benchmarks.systems import Case, Decoded, Decoder, check

Item = TypeVar("Item")


@dataclass
class Timing:
    """latencies: the seconds of each batch, a list a round; decoded: every sentence, in the order of the batches."""

    latencies: list[list[float]] = field(default_factory=list)
    decoded: list[Decoded] = field(default_factory=list)

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


def decode_all(
    name: str, decoder: Decoder, batches: Sequence[list[Sentence]], forced: bool, wait: Callable[[], None]
) -> tuple[list[float], list[Decoded]]:
    """Seconds of each batch, and what was done with it, which is checked. `wait` until the device is idle."""
    seconds, decoded = [], []
    for batch in batches:
        prepared = decoder.prepare(batch)
        wait()
        start = time.perf_counter()
        result = decoder.decode(prepared)
        wait()
        seconds.append(time.perf_counter() - start)
        found = decoder.read(prepared, result)
        check(name, decoder, batch, found, forced)
        decoded += found
    return seconds, decoded


def alternate(
    decoders: dict[Case, Decoder], batches: Sequence[list[Sentence]], rounds: int, forced: bool, device: str
) -> dict[Case, Timing]:
    """Warm each system up on the widest batch, then let them run in turn, `rounds` times over all batches."""
    wait = waiting(device)
    for case, decoder in decoders.items():
        decode_all(case.system.name, decoder, [widest(batches)], forced, wait)
    timings = {case: Timing() for case in decoders}
    for turn in range(rounds):
        with without_collections():
            for case in rotated(list(decoders), turn):
                seconds, decoded = decode_all(case.system.name, decoders[case], batches, forced, wait)
                timings[case].latencies.append(seconds)
                timings[case].decoded = decoded
    return timings
