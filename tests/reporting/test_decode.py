"""The order in which two systems take turns, with toy systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from fairseq_cmlm.reporting.decode import Job, decode
from fairseq_cmlm.reporting.system import System


class Dictionary:
    def string(self, tokens: torch.Tensor) -> str:
        return " ".join(f"w{token}@@" for token in tokens.tolist())


class ToyTask:
    """Writes down its calls; translates sentence i by the token i, and takes i seconds by the clock of the test."""

    target_dictionary = Dictionary()

    def __init__(self, name: str, calls: list[str], clock: list[float], seconds: float) -> None:
        self.name, self.calls, self.clock, self.seconds = name, calls, clock, seconds

    def inference_step(self, generator: Any, models: Any, batch: dict[str, Any]) -> list[list[dict[str, Any]]]:
        self.calls.append(f"{self.name}{batch['id'].tolist()}")
        self.clock[0] += self.seconds
        return [
            [{"tokens": torch.tensor([i, i]), "length": 3, "steps": 4}, {"length": 5}] for i in batch["id"].tolist()
        ]


def job(task: ToyTask, rounds: int) -> Job:
    system = System(Path(), "", task, None, torch.device("cpu"))
    return Job(system, None, [{"id": torch.tensor(ids)} for ids in ([2, 0], [1])], {}, [0.0] * rounds)


def test_two_systems_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    clock = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    jobs = [job(ToyTask(name, calls, clock, seconds), 2) for name, seconds in (("a", 1.0), ("b", 10.0))]
    progress: list[tuple[int, int]] = []
    cell = decode(jobs, str.upper, lambda *done: progress.append(done), rounds=2, warm_up=True)
    assert calls == ["a[1]", "b[1]", "a[2, 0]", "b[2, 0]", "b[1]", "a[1]", "b[2, 0]", "a[2, 0]", "a[1]", "b[1]"]
    assert (cell.seconds, cell.peer) == ([2.0, 2.0], [20.0, 20.0])
    assert progress == [(2, 6), (3, 6), (5, 6), (6, 6)]
    assert cell.texts == ["W0@@ W0@@", "W1@@ W1@@", "W2@@ W2@@"] and cell.tokens[2] == ["w2@@", "w2@@"]
    assert (cell.lengths, cell.passes) == ([[3, 5]] * 3, [4, 4, 4])


def test_one_system_decodes_once() -> None:
    calls: list[str] = []
    cell = decode([job(ToyTask("a", calls, [0.0], 1.0), 1)], str, lambda *done: None, rounds=1, warm_up=False)
    assert calls == ["a[2, 0]", "a[1]"] and cell.peer == []
