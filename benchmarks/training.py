"""Measure how fast a masked model is trained: ours and fairseq's cmlm_transformer in one run, alternating.

    python -m benchmarks training
        a first table in a few minutes
    python -m benchmarks training --batch-size 128 --batches 6 --rounds 5 --numbers float32 bfloat16
        more exact

The batches are some of those into which a corpus of --sentences is composed by length: padding is as in a training. An
update is a forward, a backward and a step of Adam on one batch, in the code of the task and the criterion, each drawing
its masks in its own way. Target tokens are words and `</s>` for both. bfloat16 is --training-dtype for ours and torch's
autocast around fairseq's.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Callable, Optional, Sequence

import numpy as np
import torch
from fairseq import optim, utils
from fairseq.data import LanguagePairDataset

from benchmarks import models
from benchmarks.catalogue import OURS, PEER
from benchmarks.command import Command
from benchmarks.document import fields, memory_cell, ratio_cell, write_table
from benchmarks.memory import Peak, peak_of
from benchmarks.models import Size
from benchmarks.options import add_common, add_numbers, add_sentences, facts_of, sentences_of, size_of
from benchmarks.sentences import describe
from fairseq_cmlm.experiments.sentences import Sentence, batches_of, widest
from fairseq_cmlm.experiments.timing import Timing, alternate, speed_ratios, spread
from fairseq_cmlm.render.table import Row

ALIKE = ["--dropout=0.1", "--label-smoothing=0.1", "--lr=1e-4"]
LEGEND = """\
target tokens/s: of the median round. p50, p90: of an update. memory: peak of model and work, without Python and
the imported libraries. x PEER: how many times as fast, the median of the ratios of all rounds (least-greatest).
"""


@dataclass(frozen=True)
class Trainee:
    """A system, the numbers that it computes with, float32 or bfloat16, and the objective of ours."""

    system: str
    numbers: str
    objective: str = "cmlm"


class Trainer:
    """A model with its criterion and optimizer, as fairseq-train makes them."""

    def __init__(self, training: Trainee, size: Size, data: Path, seed: int, device: str) -> None:
        torch.manual_seed(seed)
        reduced, theirs = training.numbers == "bfloat16", training.system == PEER
        arguments = [*size.architectures()[training.system], *ALIKE]
        arguments += [] if theirs else [f"--training-dtype={training.numbers}", f"--objective={training.objective}"]
        cfg, self._task, model = models.build(arguments, data)
        self._model, self._device = model.to(device), device
        self._criterion = self._task.build_criterion(cfg.criterion)
        self._optimizer = optim.build_optimizer(cfg.optimizer, list(self._model.parameters()))
        self._begins = theirs  # with `<s>`
        self._autocast = theirs and reduced
        self._updates = 0

    def prepare(self, batch: Sequence[Sentence]) -> dict[str, Any]:
        """Return the batch as the task's own data set collates it."""
        dictionary = self._task.source_dictionary
        sides = [
            [dictionary.encode_line(" ".join(words), add_if_not_exist=False).long() for words in texts]
            for texts in zip(*batch)
        ]
        sizes = [[len(tokens) for tokens in side] for side in sides]
        (source, target), (source_sizes, target_sizes) = sides, sizes
        dataset = LanguagePairDataset(
            *(source, source_sizes, dictionary, target, target_sizes, self._task.target_dictionary),
            input_feeding=False,
            append_bos=self._begins,
        )
        sample = dataset.collater([dataset[i] for i in range(len(batch))])
        return sample if self._device == "cpu" else utils.move_to_cuda(sample, self._device)

    def work(self, sample: dict[str, Any]) -> float:
        """Make one update and return the loss."""
        kind = torch.device(self._device).type
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=self._autocast):
            loss, sample_size, _ = self._task.train_step(
                sample, self._model, self._criterion, self._optimizer, self._updates
            )
        self._optimizer.multiply_grads(1 / sample_size)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._updates += 1
        return float(loss)

    def finish(self, batch: Sequence[Sentence], prepared: Any, result: float) -> list[float]:
        """Return the loss."""
        assert math.isfinite(result), "the training diverged: its speed means nothing"
        return [result]


def spread_over(batches: Sequence[list[Sentence]], number: int) -> list[list[Sentence]]:
    """Return `number` of the batches, or all if they are fewer, evenly spaced over their order, which is by length."""
    number = min(number, len(batches))
    return [batches[(2 * i + 1) * len(batches) // (2 * number)] for i in range(number)]


def padding_of(batches: Sequence[list[Sentence]]) -> str:
    """Return how much of the batches is padding, in a line."""
    shares = []
    for side in (0, 1):
        lengths = [[len(sentence[side]) + 1 for sentence in batch] for batch in batches]
        shares.append(1 - sum(map(sum, lengths)) / sum(len(batch) * max(batch) for batch in lengths))
    return f"padding: source {shares[0]:.0%}, target {shares[1]:.0%}"


def work_on(
    training: Trainee, size: Size, data: Path, seed: int, device: str, batch: list[Sentence]
) -> Callable[[], list[float]]:
    """Make two updates, the second with Adam's state in place: what the memory is measured of."""
    trainer = Trainer(training, size, data, seed, device)
    return lambda: [trainer.work(trainer.prepare(batch)) for _ in range(2)]


def row_of(
    training: Trainee, timings: dict[Trainee, Timing[float]], tokens: int, memory: Optional[Peak]
) -> tuple[Row, dict[str, Any]]:
    """Return a row of the table, and the same unrounded."""
    timing, peer = timings[training], timings.get(Trainee(PEER, "float32"))
    speed = spread([tokens / seconds for seconds in timing.rounds])
    updates = [1000 * update for batches in timing.latencies for update in batches]
    p50, p90 = (float(np.percentile(updates, percent)) for percent in (50, 90))
    ratio = None if peer is None else spread(speed_ratios(peer.rounds, timing.rounds))
    row: Row = {"system": training.system, "numbers": training.numbers, "target tokens/s": f"{speed.median:.0f}"}
    row |= {"p50 ms": f"{p50:.0f}", "p90 ms": f"{p90:.0f}", "memory MB": memory_cell(memory)}
    return {**row, f"x {PEER} float32": ratio_cell(ratio)}, {
        "target_tokens_per_second": fields(speed),
        "p50_ms": p50,
        "p90_ms": p90,
        "memory_mb": fields(memory),
        "ratio": fields(ratio),
        "seconds": timing.latencies,
    }


def run(options: argparse.Namespace, command: str) -> str:
    """Measure, write the files and return the table."""
    torch.set_num_threads(options.threads)
    size, (sentences, origin) = size_of(options), sentences_of(options)
    batches = spread_over(batches_of(sentences, options.batch_size), options.batches)
    trainings = [Trainee(system, numbers) for system, numbers in product((OURS, PEER), options.numbers)]
    with tempfile.TemporaryDirectory() as work:
        models.write_dictionaries(Path(work), models.words_of(size))
        common = (size, Path(work), options.seed, options.device)
        memory = {one: peak_of(work_on, (one, *common, widest(batches)), options.device) for one in trainings}
        trainers = {one: Trainer(one, *common) for one in trainings}
        timings = alternate(trainers, batches, options.rounds, options.device)
    tokens = sum(sentence.target_length for batch in batches for sentence in batch)
    rows = [row_of(one, timings, tokens, memory[one]) for one in trainings]
    shape = f"{len(batches)} of {options.batch_size} sentences each; {padding_of(batches)}"
    told = {"threads": options.threads, "sentences": describe(sentences, origin), "batches": shape}
    facts = facts_of(options, command, **told)
    return write_table(options.output, "Training speed", LEGEND, rows, facts)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_sentences(parser)
    add_common(parser)
    parser.set_defaults(sentences=29000)
    add_numbers(parser, batch_size=32, batches=3, threads=1)
    parser.add_argument("--numbers", nargs="+", default=["float32"], choices=["float32", "bfloat16"], help="float32")


main = Command("training", __doc__, add_options, run)
