r"""Measure what each step towards a fast decoder brings: ours as it is, and with one step at a time switched off.

    python -m benchmarks steps
        about 10 minutes on one core

Each variant must find the same tokens. The speed of the whole stands beside the machine's own limit: the
multiply-adds that are needed (benchmarks/operations.py), at the speed of a single large matrix product measured
before and after the rounds.
"""

from __future__ import annotations

import argparse
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Callable, Iterator, Sequence
from unittest import mock

import torch
from torch import Tensor

from benchmarks.catalogue import MASKED, OURS, random_systems
from benchmarks.checked import Checked, WrongDecodingError
from benchmarks.command import Command
from benchmarks.document import fields, ratio_cell, write_table
from benchmarks.models import Size
from benchmarks.operations import masked_in_each_pass, operations
from benchmarks.options import add_common, add_numbers, add_sentences, facts_of, sentences_of, size_of
from benchmarks.sentences import describe
from fairseq_cmlm.decoding.loop import Query
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.tokens import ANY_WORD
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments.case import Case
from fairseq_cmlm.experiments.sentences import Sentence, batches_of
from fairseq_cmlm.experiments.systems.system import Decoded
from fairseq_cmlm.experiments.timing import Timing, alternate, speed_ratios, spread
from fairseq_cmlm.inference import predictor
from fairseq_cmlm.inference.predictor import Predictor
from fairseq_cmlm.model import projection
from fairseq_cmlm.model.attention import Memory
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.layer import DecoderLayer
from fairseq_cmlm.model.packing import Packing, packing_of
from fairseq_cmlm.model.projection import Projection
from fairseq_cmlm.render.table import Row

LEGEND = """\
x the whole: its speed beside that of the decoder with every step, the median of the ratios of all rounds
(least-greatest); below 1 is what the step brings. Tokens are the same in every row.
"""
Switch = Callable[[], "AbstractContextManager[Any]"]


def _pad_everything() -> AbstractContextManager[Any]:
    """Have linear layers compute padding too."""
    return mock.patch.object(predictor, "packing_of", lambda real, number: Packing(None, *real.shape))


def _last_layer_everywhere() -> AbstractContextManager[Any]:
    def forward_at(self: Any, x: Tensor, packing: Packing, attend: Tensor, memory: Memory, asked: Tensor) -> Tensor:
        whole: Tensor = self(x, packing, attend, memory)
        return whole[packing.find(asked)]

    return mock.patch.object(DecoderLayer, "forward_at", forward_at)


def _vocabulary_everywhere() -> AbstractContextManager[Any]:
    """Send every real position through the last layer and the vocabulary."""
    original = Predictor.__call__

    def call(self: Any, query: Query) -> Any:
        everywhere = query.real.flatten().nonzero().squeeze(1)
        asked = torch.searchsorted(everywhere, query.positions)
        sets = torch.full_like(everywhere, ANY_WORD).index_copy(0, asked, query.sets)
        found = original(self, query._replace(positions=everywhere, sets=sets))
        return found._replace(tokens=found.tokens[asked], log_probs=found.log_probs[asked])

    return mock.patch.object(Predictor, "__call__", call)


def _vocabulary_at_once() -> AbstractContextManager[Any]:
    return mock.patch.object(Projection, "blocks", lambda self, x: iter([self(x)]))


def _logits_of_all_positions() -> AbstractContextManager[Any]:
    return mock.patch.object(predictor, "ROWS", 2**31)


def _weights_as_they_are_stored() -> AbstractContextManager[Any]:
    """Switch oneDNN's layout off: torch chooses the library, and lays out what that needs, at each product."""

    def blocks(self: Projection, x: Tensor) -> Iterator[Tensor]:
        return (torch.nn.functional.linear(x, weight) for weight in torch.split(self.weight, projection.BLOCK))

    return mock.patch.multiple(Projection, forward=torch.nn.Linear.forward, blocks=blocks)


def _memory_in_every_pass() -> AbstractContextManager[Any]:
    """Compute keys and values of the source in every pass, for every candidate."""
    make = Predictor.__init__

    def init(self: Any, decoders: Sequence[Decoder], encoded: Sequence[Any], candidates: int, *rest: Any) -> None:
        make(self, decoders, encoded, candidates, *rest)
        sentences = torch.arange(len(encoded[0].real)).repeat_interleave(candidates)
        self.repeated = [type(one)(*(part[sentences] for part in one)) for one in encoded]

    def features(self: Any, query: Query) -> list[Tensor]:
        rows = slice(None) if query.rows is None else query.rows
        packing = packing_of(query.real, query.number)
        return [
            decoder.features(
                query.visible, packing, decoder.memory(type(one)(*(part[rows] for part in one))), query.positions
            )
            for decoder, one in zip(self._decoders, self.repeated)
        ]

    return mock.patch.multiple(Predictor, __init__=init, _features=features)


STEPS: dict[str, Switch] = {
    "nothing": nullcontext,
    "no work on padding": _pad_everything,
    "the last layer at masked positions only": _last_layer_everywhere,
    "last layer and vocabulary at masked positions only": _vocabulary_everywhere,
    "the vocabulary in blocks": _vocabulary_at_once,
    "logits of 256 positions at a time": _logits_of_all_positions,
    "weights in oneDNN's layout": _weights_as_they_are_stored,
    "keys and values of the source once a sentence": _memory_in_every_pass,
}


class _Switched:
    """Ours with a step switched off."""

    def __init__(self, job: Checked, switch: Switch) -> None:
        self._job, self._switch = job, switch
        self.prepare, self.finish = job.prepare, job.finish

    def work(self, prepared: Any) -> Any:
        with self._switch():
            return self._job.work(prepared)


class _Product:
    """A single matrix product of many rows: what the machine can do at best."""

    rows = 2048

    def __init__(self, size: Size) -> None:
        self._x, self._layer = torch.randn(self.rows, size.features), Projection(size.features, 4 * size.features)
        self._layer.eval().lay_out()
        self.multiply_adds = self.rows * self._layer.weight.numel()

    def fastest(self, times: int) -> float:
        """Multiply-adds a second."""
        seconds = []
        for _ in range(times):
            start = time.perf_counter()
            self._layer(self._x)
            seconds.append(time.perf_counter() - start)
        return self.multiply_adds / min(seconds)


def needed(size: Size, sentences: Sequence[Sentence], candidates: int, iterations: int) -> int:
    """Multiply-adds of ours for all sentences at their forced lengths."""
    total = 0
    for sentence in sentences:
        masked = masked_in_each_pass(sentence.target_length, iterations)
        total += operations(size, len(sentence.source) + 1, sentence.target_length, candidates, masked).total
    return total


def alternately(
    options: argparse.Namespace, batches: Sequence[list[Sentence]]
) -> tuple[dict[str, Timing[Decoded]], float]:
    """Return the times with each step switched off, and the multiply-adds a second of one product beside them."""
    size = size_of(options)
    decoding = Decoding.of(iterations=options.iterations, length_beam=options.length_beam, gold_target_length=True)
    with random_systems(options, [MASKED[OURS]]) as systems, torch.inference_mode():
        job = Checked(Case(OURS, decoding, options.batch_size, options.threads), systems)
        switched = {name: _Switched(job, switch) for name, switch in STEPS.items()}
        product = _Product(size)
        limit = product.fastest(20)
        timings = alternate(switched, batches, options.rounds, "cpu")
        return timings, max(limit, product.fastest(20))


def row_of(name: str, timing: Timing[Decoded], whole: Timing[Decoded]) -> tuple[Row, dict[str, Any]]:
    """Return a row of the table, and the same unrounded."""
    if [one.tokens for one in timing.done] != [one.tokens for one in whole.done]:
        raise WrongDecodingError(f"without '{name}' other tokens were found")
    speed = spread([len(timing.done) / seconds for seconds in timing.rounds])
    ratio = spread(speed_ratios(whole.rounds, timing.rounds))
    row: Row = {"switched off": name, "sentences/s": f"{speed.median:.2f}", "x the whole": ratio_cell(ratio)}
    return row, {"name": name, "speed": fields(speed), "ratio": fields(ratio), "seconds": timing.latencies}


def run(options: argparse.Namespace, command: str) -> str:
    """Measure, write the files and return the table."""
    size, (sentences, origin) = size_of(options), sentences_of(options)
    timings, limit = alternately(options, batches_of(sentences, options.batch_size))
    whole = timings["nothing"]
    achieved = needed(size, sentences, options.length_beam, options.iterations) / min(whole.rounds)
    batch = f"{options.batch_size} sentences, T {options.iterations}, l {options.length_beam}"
    facts = facts_of(options, command, threads=options.threads, sentences=describe(sentences, origin), batch=batch)
    facts["matrix products"] = (
        f"{limit / 1e9:.1f} thousand million multiply-adds a second in one of {_Product.rows} x {size.features} x "
        f"{4 * size.features}; ours, fastest round, {achieved / 1e9:.1f}: {achieved / limit:.0%}"
    )
    rows = [row_of(name, timing, whole) for name, timing in timings.items()]
    title = "What each step of decoding brings"
    return write_table(options.output, title, LEGEND, rows, facts, limit=limit, achieved=achieved)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_numbers(parser, iterations=10, length_beam=5, batch_size=8, threads=1)
    add_sentences(parser)
    add_common(parser)


def check(options: argparse.Namespace) -> None:
    """Raise for a GPU, of which one matrix product on the host says nothing."""
    if options.device != "cpu":
        raise OptionError(f"--device {options.device}: the steps are measured on a CPU")


main = Command("steps", __doc__, add_options, run, check)
