"""The order in which jobs take turns, with toy jobs, and ratios of their times."""

from __future__ import annotations

from typing import Any, Sequence

import pytest

from fairseq_cmlm.experiments.sentences import Sentence
from fairseq_cmlm.experiments.timing import Spread, alternate, by_batch, by_round, rotated, speed_ratios, spread

# Targets of 2, 1 and 3 words: the last is the widest batch.
BATCHES = [[Sentence(["x"], ["y"] * length)] for length in (2, 1, 3)]


class ToyJob:
    """Writes down its calls; a batch of n words takes n times so many seconds by the clock of the test."""

    def __init__(self, name: str, calls: list[str], clock: list[float], seconds: float) -> None:
        self.name, self.calls, self.clock, self.seconds = name, calls, clock, seconds

    def prepare(self, batch: Sequence[Sentence]) -> int:
        self.clock[0] += 100  # is not counted
        return len(batch[0].target)

    def work(self, prepared: int) -> str:
        self.calls.append(f"{self.name}{prepared}")
        self.clock[0] += self.seconds * prepared
        return f"{self.name}{len(self.calls)}"

    def finish(self, batch: Sequence[Sentence], prepared: int, result: str) -> list[str]:
        self.clock[0] += 100
        return [result]


@pytest.fixture
def calls() -> list[str]:
    return []


@pytest.fixture
def jobs(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    clock = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    return {name: ToyJob(name, calls, clock, seconds) for name, seconds in (("a", 1.0), ("b", 10.0))}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (by_batch, "a3 b3 a2 b2 b1 a1 a3 b3 b2 a2 a1 b1 b3 a3"),
        (by_round, "a3 b3 a2 a1 a3 b2 b1 b3 b2 b1 b3 a2 a1 a3"),
    ],
)
def test_jobs_take_turns(jobs: dict[str, Any], calls: list[str], order: Any, expected: str) -> None:
    progress: list[tuple[int, int]] = []
    found = alternate(jobs, BATCHES, 2, "cpu", order=order, progress=lambda *done: progress.append(done))
    assert " ".join(calls) == expected
    assert found["a"].latencies == [[2.0, 1.0, 3.0]] * 2 and found["b"].rounds == [60.0, 60.0]
    assert progress == [(done, 12) for done in range(1, 13)]
    # Of the last round, in the order of the batches.
    for key, job in jobs.items():
        last = [index for index, call in enumerate(calls, start=1) if call[0] == key][-3:]
        by_size = {calls[index - 1]: f"{job.name}{index}" for index in last}
        assert found[key].done == [by_size[f"{key}{size}"] for size in (2, 1, 3)]


def test_a_job_alone_without_warm_up_works_once(jobs: dict[str, Any], calls: list[str]) -> None:
    alternate({"a": jobs["a"]}, BATCHES, 1, "cpu", warm_up=False)
    assert calls == ["a2", "a1", "a3"]


def test_every_job_begins_a_round_once() -> None:
    turns = [rotated("abc", turn) for turn in range(4)]
    assert turns == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_ratios_are_paired_by_round() -> None:
    ratios = speed_ratios(peer=[10.0, 30.0, 8.0], ours=[5.0, 10.0, 8.0])
    assert ratios == [2.0, 3.0, 1.0]
    assert spread(ratios) == Spread(median=2.0, low=1.0, high=3.0)
    with pytest.raises(ValueError, match="3 and 2 rounds"):
        speed_ratios([1.0, 2.0, 3.0], [1.0, 2.0])
