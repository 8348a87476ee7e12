"""How fast a masked model is trained: ours and fairseq's cmlm_transformer in one run, alternating.

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

import torch
from fairseq import optim, utils
from fairseq.data import LanguagePairDataset

from benchmarks import machine, models
from benchmarks.command import command
from benchmarks.measuring import Timing, alternate
from benchmarks.memory import Peak, peak_of
from benchmarks.models import Size
from benchmarks.options import add_common, add_sentences, sentences_of, size_of
from benchmarks.ratios import percentile, speed_ratios, spread
from benchmarks.report import document, fields, memory_cell, ratio_cell, write
from benchmarks.sentences import Sentence, batches_of, describe, widest

PEER = "fairseq-cmlm"
CRITERIA = {
    "ours": ["--criterion=cmlm_loss"],
    PEER: ["--criterion=nat_loss", "--noise=random_mask"],
}
ALIKE = ["--dropout=0.1", "--label-smoothing=0.1", "--lr=1e-4"]
HEAD = ["system", "numbers", "target tokens/s", "p50 ms", "p90 ms", "memory MB", f"x {PEER} float32"]
LEGEND = """\
target tokens/s: of the median round. p50, p90: of an update. memory: peak in a process of its own, without Python and
the imported libraries. x PEER: how many times as fast, the median of the ratios of all rounds (least-greatest).
"""


@dataclass(frozen=True)
class Case:
    """A row of the table; numbers is float32 or bfloat16."""

    system: str
    numbers: str


class Trainer:
    """A model with its criterion and optimizer, as fairseq-train makes them."""

    def __init__(self, case: Case, size: Size, data: Path, seed: int, device: str) -> None:
        torch.manual_seed(seed)
        reduced, theirs = case.numbers == "bfloat16", case.system == PEER
        arguments = [*size.architectures()[case.system], *CRITERIA[case.system], *ALIKE]
        arguments += [] if theirs else [f"--training-dtype={case.numbers}"]
        cfg, self._task, model = models.build(arguments, data)
        self._model, self._device = model.to(device), device
        self._criterion = self._task.build_criterion(cfg.criterion)
        self._optimizer = optim.build_optimizer(cfg.optimizer, list(self._model.parameters()))
        self._begins = theirs  # with `<s>`
        self._autocast = theirs and reduced
        self._updates = 0

    def prepare(self, batch: Sequence[Sentence]) -> dict[str, Any]:
        """The batch as the task's own data set collates it."""
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
        """One update; the loss."""
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
        """The loss."""
        assert math.isfinite(result), "the training diverged: its speed means nothing"
        return [result]


def spread_over(batches: Sequence[list[Sentence]], number: int) -> list[list[Sentence]]:
    """`number` of the batches, or all if they are fewer, evenly spaced over their order, which is by length."""
    number = min(number, len(batches))
    return [batches[(2 * i + 1) * len(batches) // (2 * number)] for i in range(number)]


def padding_of(batches: Sequence[list[Sentence]]) -> str:
    """How much of the batches is padding, in a line."""
    shares = []
    for side in (0, 1):
        lengths = [[len(sentence[side]) + 1 for sentence in batch] for batch in batches]
        shares.append(1 - sum(map(sum, lengths)) / sum(len(batch) * max(batch) for batch in lengths))
    return f"padding: source {shares[0]:.0%}, target {shares[1]:.0%}"


def work_on(
    case: Case, size: Size, data: Path, seed: int, device: str, batch: list[Sentence]
) -> Callable[[], list[float]]:
    """Two updates, the second with Adam's state in place: what the memory is measured of."""
    trainer = Trainer(case, size, data, seed, device)
    return lambda: [trainer.work(trainer.prepare(batch)) for _ in range(2)]


def row_of(
    case: Case, timings: dict[Case, Timing[float]], tokens: int, memory: Optional[Peak]
) -> tuple[list[str], dict[str, Any]]:
    """A row as the cells of the table, and unrounded."""
    timing, peer = timings[case], timings.get(Case(PEER, "float32"))
    speed = spread([tokens / seconds for seconds in timing.rounds])
    updates = [1000 * update for batches in timing.latencies for update in batches]
    p50, p90 = percentile(updates, 50), percentile(updates, 90)
    ratio = None if peer is None else spread(speed_ratios(peer.rounds, timing.rounds))
    cells = [case.system, case.numbers, f"{speed.median:.0f}", f"{p50:.0f}", f"{p90:.0f}"]
    return [*cells, memory_cell(memory), ratio_cell(ratio)], {
        "system": case.system,
        "numbers": case.numbers,
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
    cases = [Case(system, numbers) for system, numbers in product(CRITERIA, options.numbers)]
    with tempfile.TemporaryDirectory() as work:
        models.write_dictionaries(Path(work), models.words_of(size))
        common = (size, Path(work), options.seed, options.device)
        memory = {case: peak_of(work_on, (case, *common, widest(batches)), options.device) for case in cases}
        trainers = {case: Trainer(case, *common) for case in cases}
        timings = alternate(trainers, batches, options.rounds, options.device)
    tokens = sum(sentence.target_length for batch in batches for sentence in batch)
    rows = [row_of(case, timings, tokens, memory[case]) for case in cases]
    facts = {
        "command": command,
        "machine": machine.describe(options.device),
        "seed": options.seed,
        "threads": options.threads,
        "sentences": describe(sentences, origin),
        "batches": f"{len(batches)} of {options.batch_size} sentences each; {padding_of(batches)}",
        "models": f"D {size.features}, {size.layers} layers, V {size.vocabulary}",
        "rounds": options.rounds,
    }
    table = document("Training speed", facts, HEAD, [cells for cells, _ in rows], LEGEND)
    write(options.output, table, facts, [row for _, row in rows])
    return table


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_sentences(parser)
    add_common(parser)
    parser.set_defaults(sentences=29000)
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="sentences (default: %(default)s)")
    parser.add_argument(
        "--batches", type=int, default=3, metavar="N", help="of those that all sentences make (%(default)s)"
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default: %(default)s")
    parser.add_argument("--numbers", nargs="+", default=["float32"], choices=["float32", "bfloat16"], help="float32")
    parser.add_argument("--output", type=Path, default=Path("work/training"), help="writes OUTPUT.md and OUTPUT.json")
    return parser.parse_args(arguments)


main = command("training", parse, run)
