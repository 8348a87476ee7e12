r"""What each step towards a fast decoder brings: ours as it is, and with one step at a time switched off.

    python -m benchmarks steps
        about 10 minutes on one core

Each variant must find the same tokens. The speed of the whole stands beside the machine's own limit: the multiply-adds
that are needed (benchmarks/operations.py), at the speed of a single large matrix product measured in every round.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Callable, Sequence
from unittest import mock

import torch
from torch import Tensor

from benchmarks import machine, models
from benchmarks.command import command
from benchmarks.decoders import Checked
from benchmarks.measuring import Timing, alternate
from benchmarks.models import Size, words_of
from benchmarks.operations import masked_in_each_pass, operations
from benchmarks.options import add_common, add_sentences, sentences_of, size_of
from benchmarks.ratios import speed_ratios, spread
from benchmarks.report import document, fields, ratio_cell, write
from benchmarks.sentences import Sentence, batches_of, describe
from benchmarks.systems import Case, Decoded, Environment, System, WrongDecodingError
from fairseq_cmlm.decoding.prediction import Query
from fairseq_cmlm.model import projection
from fairseq_cmlm.model.attention import Memory
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.layer import DecoderLayer
from fairseq_cmlm.model.packing import Packing, packing_of
from fairseq_cmlm.plugin import predictor
from fairseq_cmlm.plugin.predictor import Predictor

HEAD = ["switched off", "sentences/s", "x the whole"]
LEGEND = """\
x the whole: its speed beside that of the decoder with every step, the median of the ratios of all rounds
(least-greatest); below 1 is what the step brings. Tokens are the same in every row.
"""
OURS = System("ours", "ours", "ours")
Switch = Callable[[], "AbstractContextManager[Any]"]


def _pad_everything() -> AbstractContextManager[Any]:
    """Linear layers compute padding too."""
    return mock.patch.object(predictor, "packing_of", lambda real, size: Packing(None, *real.shape))


def _last_layer_everywhere() -> AbstractContextManager[Any]:
    def forward_at(self: Any, x: Tensor, packing: Packing, attend: Tensor, memory: Memory, asked: Tensor) -> Tensor:
        whole: Tensor = self(x, packing, attend, memory)
        return whole[packing.find(asked)]

    return mock.patch.object(DecoderLayer, "forward_at", forward_at)


def _vocabulary_everywhere() -> AbstractContextManager[Any]:
    """Every real position goes through the last layer and the vocabulary."""
    original = Predictor.__call__

    def call(self: Any, query: Query) -> Any:
        everywhere = query.real.flatten().nonzero().squeeze(1)
        last = query.real & ~torch.nn.functional.pad(query.real, (0, 1))[:, 1:]
        found = original(self, query._replace(positions=everywhere, last=last.flatten()[everywhere]))
        asked = torch.searchsorted(everywhere, query.positions)
        return type(found)(*(part[asked] for part in found))

    return mock.patch.object(Predictor, "__call__", call)


def _vocabulary_at_once() -> AbstractContextManager[Any]:
    return mock.patch.object(projection, "BLOCK", 10**9)


def _memory_in_every_pass() -> AbstractContextManager[Any]:
    """Keys and values of the source are computed in every pass, for every candidate."""
    make = Predictor.__init__

    def init(self: Any, decoders: Sequence[Decoder], encoded: Sequence[Any], candidates: int, *rest: Any) -> None:
        make(self, decoders, encoded, candidates, *rest)
        sentences = torch.arange(len(encoded[0].real)).repeat_interleave(candidates)
        self.repeated = [type(one)(*(part[sentences] for part in one)) for one in encoded]

    def features(self: Any, query: Query) -> list[Tensor]:
        rows = slice(None) if query.rows is None else query.rows
        packing = packing_of(query.real, query.size)
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
    "keys and values of the source once a sentence": _memory_in_every_pass,
}


class _Switched:
    """Ours with a step switched off."""

    def __init__(self, decoder: Checked, switch: Switch) -> None:
        self._decoder, self._switch = decoder, switch
        self.prepare, self.finish = decoder.prepare, decoder.finish

    def work(self, prepared: Any) -> Any:
        with self._switch():
            return self._decoder.work(prepared)


class _Product:
    """A single matrix product of many rows: what the machine can do at best."""

    rows = 2048

    def __init__(self, size: Size) -> None:
        self._x, self._weight = torch.randn(self.rows, size.features), torch.randn(4 * size.features, size.features)
        self.multiply_adds = self.rows * self._weight.numel()

    def fastest(self, times: int) -> float:
        """Multiply-adds a second."""
        seconds = []
        for _ in range(times):
            start = time.perf_counter()
            torch.nn.functional.linear(self._x, self._weight)
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
    """The times with each step switched off, and the multiply-adds a second of one product, before and after them."""
    size = size_of(options)
    case = Case(OURS, options.iterations, options.length_beam, options.batch_size, options.threads)
    with tempfile.TemporaryDirectory() as work, torch.inference_mode():
        models.write_dictionaries(Path(work), words_of(size))
        checkpoints = models.write_random_checkpoints({"ours": size.architectures()["ours"]}, Path(work), options.seed)
        decoder = Checked(case, Environment(checkpoints, {}, Path(work), "cpu", forced=True))
        switched = {name: _Switched(decoder, switch) for name, switch in STEPS.items()}
        product = _Product(size)
        limit = product.fastest(20)
        timings = alternate(switched, batches, options.rounds, "cpu")
        return timings, max(limit, product.fastest(20))


def row_of(name: str, timing: Timing[Decoded], whole: Timing[Decoded]) -> tuple[list[str], dict[str, Any]]:
    """A row as the cells of the table, and unrounded."""
    if [one.words for one in timing.done] != [one.words for one in whole.done]:
        raise WrongDecodingError(f"without '{name}' other tokens were found")
    speed = spread([len(timing.done) / seconds for seconds in timing.rounds])
    ratio = spread(speed_ratios(whole.rounds, timing.rounds))
    cells = [name, f"{speed.median:.2f}", ratio_cell(ratio)]
    return cells, {"name": name, "speed": fields(speed), "ratio": fields(ratio), "seconds": timing.latencies}


def run(options: argparse.Namespace, command: str) -> str:
    """Measure, write the files and return the table."""
    torch.set_num_threads(options.threads)
    size, (sentences, origin) = size_of(options), sentences_of(options)
    timings, limit = alternately(options, batches_of(sentences, options.batch_size))
    whole = timings["nothing"]
    achieved = needed(size, sentences, options.length_beam, options.iterations) / min(whole.rounds)
    facts = {
        "command": command,
        "machine": machine.describe("cpu"),
        "seed": options.seed,
        "threads": options.threads,
        "sentences": describe(sentences, origin),
        "batch": f"{options.batch_size} sentences, T {options.iterations}, l {options.length_beam}",
        "models": f"random weights; D {size.features}, {size.layers} layers, V {size.vocabulary}",
        "rounds": options.rounds,
        "matrix products": f"{limit / 1e9:.1f} thousand million multiply-adds a second in one of {_Product.rows} x "
        f"{size.features} x {4 * size.features}; ours, fastest round, {achieved / 1e9:.1f}: {achieved / limit:.0%}",
    }
    rows = [row_of(name, timing, whole) for name, timing in timings.items()]
    table = document("What each step of decoding brings", facts, HEAD, [cells for cells, _ in rows], LEGEND)
    write(options.output, table, {**facts, "limit": limit, "achieved": achieved}, [row for _, row in rows])
    return table


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks steps", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--iterations", type=int, default=10, metavar="N", help="T (default: %(default)s)")
    parser.add_argument("--length-beam", type=int, default=5, metavar="N", help="l (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=8, metavar="N", help="sentences (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default: %(default)s")
    parser.add_argument("--output", type=Path, default=Path("work/steps"), help="writes OUTPUT.md and OUTPUT.json")
    add_sentences(parser)
    add_common(parser)
    return parser.parse_args(arguments)


main = command("steps", parse, run)
