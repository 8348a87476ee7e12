"""Measure what an update of each objective costs beside one of `cmlm`, in processor time.

    python -m benchmarks objectives
        a first table in a few minutes
    python -m benchmarks objectives --features 256 --layers 3 --vocabulary 4112 --batch-size 256 --batches 6 --rounds 5
        the models of the Multi30k recipe, on batches as large as its own

The batches and the updates are those of `python -m benchmarks training`; all objectives make an update on a batch
before the next one begins.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, Mapping

import torch

from benchmarks import models
from benchmarks.catalogue import OURS
from benchmarks.command import Command
from benchmarks.document import fields, ratio_cell, write_table
from benchmarks.options import add_common, add_numbers, add_sentences, facts_of, sentences_of, size_of
from benchmarks.sentences import describe
from benchmarks.training import Trainee, Trainer, padding_of, spread_over
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments.sentences import batches_of
from fairseq_cmlm.experiments.timing import alternate, by_batch, spread
from fairseq_cmlm.render.table import Row
from fairseq_cmlm.training.objectives import OBJECTIVES

PLAIN = "cmlm"
LEGEND = """\
ms: processor time of an update, the mean of the median round. x cmlm: how many times as much as `cmlm`, the median of
the ratios of all rounds (least-greatest).
"""


class Metered(Trainer):
    """A trainer that notes the processor time of its updates."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seconds: list[float] = []

    def work(self, sample: dict[str, Any]) -> float:
        """Make one update and return the loss."""
        start = time.process_time()
        loss = super().work(sample)
        self.seconds.append(time.process_time() - start)
        return loss

    def rounds(self, batches: int) -> list[float]:
        """Return the seconds of each round, without the update that warmed up."""
        timed = self.seconds[1:]
        return [sum(timed[start : start + batches]) for start in range(0, len(timed), batches)]


def row_of(name: str, rounds: Mapping[str, list[float]], batches: int) -> tuple[Row, dict[str, Any]]:
    """Return a row of the table, and the same unrounded."""
    ratio = spread([own / plain for own, plain in zip(rounds[name], rounds[PLAIN])])
    milliseconds = 1000 * spread(rounds[name]).median / batches
    row: Row = {"objective": name, "ms": f"{milliseconds:.0f}", f"x {PLAIN}": ratio_cell(ratio)}
    return row, {"ms": milliseconds, "ratio": fields(ratio), "seconds": rounds[name]}


def run(options: argparse.Namespace, command: str) -> str:
    """Measure, write the files and return the table."""
    torch.set_num_threads(options.threads)
    size, (sentences, origin) = size_of(options), sentences_of(options)
    batches = spread_over(batches_of(sentences, options.batch_size), options.batches)
    names = [PLAIN, *(name for name in options.objectives if name != PLAIN)]
    with tempfile.TemporaryDirectory() as work:
        models.write_dictionaries(Path(work), models.words_of(size))
        common = (size, Path(work), options.seed, options.device)
        trainers = {name: Metered(Trainee(OURS, options.numbers, name), *common) for name in names}
        alternate(trainers, batches, options.rounds, options.device, order=by_batch)
    rounds = {name: trainer.rounds(len(batches)) for name, trainer in trainers.items()}
    rows = [row_of(name, rounds, len(batches)) for name in names]
    shape = f"{len(batches)} of {options.batch_size} sentences each; {padding_of(batches)}"
    told = {"threads": options.threads, "numbers": options.numbers, "batches": shape}
    facts = facts_of(options, command, **told, sentences=describe(sentences, origin))
    return write_table(options.output, "Cost of the objectives", LEGEND, rows, facts)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_sentences(parser)
    add_common(parser)
    parser.set_defaults(sentences=29000)
    add_numbers(parser, batch_size=32, batches=3, threads=1)
    parser.add_argument("--numbers", default="float32", choices=["float32", "bfloat16"], help="float32")
    parser.add_argument("--objectives", nargs="+", default=list(OBJECTIVES), choices=list(OBJECTIVES), help="all")


def check(options: argparse.Namespace) -> None:
    """Raise where the time of a processor says nothing."""
    if options.device != "cpu":
        raise OptionError(f"--device {options.device}: what an objective costs is measured on a CPU")


main = Command("objectives", __doc__, add_options, run, check)
