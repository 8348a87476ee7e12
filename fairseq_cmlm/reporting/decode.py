"""Decoding a text with one system, or with two in turn."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Sequence

import torch
from fairseq import utils
from torch import Tensor

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.reporting.cells import Case, Cell
from fairseq_cmlm.reporting.parallel_text import ParallelText
from fairseq_cmlm.reporting.system import System

# Sentences done, and of how many.
Progress = Callable[[int, int], None]


@dataclass
class Job:
    """One system at work: its generator and batches; then its hypotheses by sentence, and the seconds of each round."""

    system: System
    generator: Any
    batches: list[dict[str, Any]]
    found: dict[int, list[dict[str, Any]]]
    seconds: list[float]

    def run(self, number: int, turn: int) -> None:
        """Decode one batch."""
        batch = self.batches[number]
        _wait(self.system.device)
        start = time.perf_counter()
        hypotheses = self.system.task.inference_step(self.generator, [self.system.model], batch)
        _wait(self.system.device)
        self.seconds[turn] += time.perf_counter() - start
        self.found.update(zip(batch["id"].tolist(), hypotheses))


def prepare(system: System, case: Case, text: ParallelText, batch_size: int, rounds: int) -> Job:
    """Batches of sentences of a like length."""
    tokens, lengths = system.task.get_interactive_tokens_and_lengths(text.sources, str)
    _check_lengths(system, lengths, "source")
    if case.gold:
        _check_lengths(system, text.gold_lengths, "reference")
    dataset = system.task.build_dataset_for_inference(tokens, lengths)
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    batches = []
    for start in range(0, len(order), batch_size):
        batch = dataset.collater([dataset[i] for i in order[start : start + batch_size]])
        if case.gold:
            batch["target"] = _of_lengths([text.gold_lengths[i] for i in batch["id"].tolist()], system)
        batches.append(utils.apply_to_sample(lambda tensor: tensor.to(system.device), batch))
    return Job(system, system.generator(case), batches, {}, [0.0] * rounds)


def decode(jobs: Sequence[Job], join: Callable[[str], str], progress: Progress, rounds: int, warm_up: bool) -> Cell:
    """What the first of one or two jobs found; a second is the peer it is timed with, batch after batch in turn.

    join  subwords to text
    """
    if warm_up:
        for job in jobs:
            job.run(len(job.batches) - 1, 0)
            job.seconds[0] = 0.0
    sentences = rounds * sum(len(batch["id"]) for batch in jobs[0].batches)
    done = 0
    for turn in range(rounds):
        for number, batch in enumerate(jobs[0].batches):
            for job in jobs if (turn + number) % 2 == 0 else reversed(jobs):
                job.run(number, turn)
            done += len(batch["id"])
            progress(done, sentences)
    return _cell(jobs[0], join, jobs[1].seconds if len(jobs) > 1 else [])


def _cell(job: Job, join: Callable[[str], str], peer: list[float]) -> Cell:
    dictionary = job.system.task.target_dictionary
    found = [job.found[i] for i in range(len(job.found))]
    subwords = [dictionary.string(hypotheses[0]["tokens"]) for hypotheses in found]
    return Cell(
        texts=[join(line) for line in subwords],
        tokens=[line.split() for line in subwords],
        lengths=[[one["length"] for one in hypotheses if "length" in one] for hypotheses in found],
        # Beam search makes a pass a token.
        passes=[hypotheses[0].get("steps", len(hypotheses[0]["tokens"])) for hypotheses in found],
        seconds=job.seconds,
        peer=peer,
    )


def _of_lengths(lengths: Sequence[int], system: System) -> Tensor:
    """References (B, T) of the given lengths; of gold lengths nothing else is read."""
    dictionary = system.task.target_dictionary
    beyond = torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None]
    return torch.full(beyond.shape, dictionary.unk()).masked_fill(beyond, dictionary.pad())


def _check_lengths(system: System, lengths: Sequence[int], side: str) -> None:
    limit = system.model.max_positions()[0 if side == "source" else 1]
    for line, length in enumerate(lengths, start=1):
        if length > limit:
            raise TextError(
                f"line {line} of the {side} has {length} tokens (</s> counts), and {system.checkpoint} takes at most "
                f"{limit}: leave the line out of both texts"
            )


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
