r"""How the cost of decoding grows with the length of source and target, and with the length candidates.

    python -m benchmarks growth
        about 10 minutes on one core
    python -m benchmarks growth --lengths 16 32 64 128 --candidates 1 3 5 --systems ours

Random weights; source and target have the same length, in tokens with `</s>`. The growth measured stands beside the one
expected from the multiply-adds alone (benchmarks/operations.py).
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, Callable, Mapping, Sequence

import numpy as np
import torch

from benchmarks import machine, models
from benchmarks.command import command
from benchmarks.decoders import Checked
from benchmarks.measuring import alternate
from benchmarks.models import Size, words_of
from benchmarks.operations import Operations, masked_in_each_pass, operations
from benchmarks.options import add_common, size_of
from benchmarks.ratios import exponent, quadratic_share, speed_ratios, spread
from benchmarks.report import document, fields, ratio_cell, write
from benchmarks.sentences import random_words
from benchmarks.systems import Case, Environment, System
from fairseq_cmlm.errors import OptionError

PEER = "fairseq-cmlm"
SYSTEMS = {name: System(name, name, name) for name in ("ours", PEER)}
Fit = Callable[[Sequence[float], Sequence[float]], float]
LENGTH_FITS: dict[str, Fit] = {"exponent": exponent, "share of the part in n^2 at the longest": quadratic_share}
HEAD = ["system", "length", "l", "seconds/sentence", "x the first", "expected", f"x {PEER}"]
LEGEND = """\
seconds/sentence: of the median round. x the first: times the cost of the system's first row of its part of the table,
in which the length grows, then l. expected: the same of the multiply-adds. x PEER: how many times as fast, the median
of the ratios of all rounds (least-greatest). exponent e: cost grows with the e-th power.
"""


@dataclass(frozen=True)
class Point:
    """A system at one size: the seconds of a sentence in each round, and the operations that it needs."""

    system: str
    length: int
    candidates: int
    seconds: list[float]
    needed: Operations

    @property
    def cost(self) -> float:
        """Seconds a sentence, of the median round."""
        return median(self.seconds)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "needed": fields(self.needed)}


def operations_of(system: str, size: Size, length: int, candidates: int, iterations: int) -> Operations:
    """Of a sentence: ours asks for the masked tokens, fairseq's for all and has `<s>` in its canvas too."""
    if system == PEER:
        return operations(size, length, length + 1, candidates, [length + 1] * iterations)
    return operations(size, length, length, candidates, masked_in_each_pass(length, iterations))


def measure(
    options: argparse.Namespace, environment: Environment, lengths: Sequence[int], candidates: Sequence[int]
) -> list[Point]:
    """All systems at all the sizes, one batch for each length; within a round the systems take turns."""
    random, words = np.random.default_rng(options.seed), words_of(size_of(options))
    batches = [random_words([(length - 1, length - 1)] * options.batch_size, words, random) for length in lengths]
    decoders = {
        (name, number): Checked(
            Case(SYSTEMS[name], options.iterations, number, options.batch_size, options.threads), environment
        )
        for number, name in product(candidates, options.systems)
    }
    points = []
    for (name, number), timing in alternate(decoders, batches, options.rounds, options.device).items():
        for length, *seconds in zip(lengths, *timing.latencies):
            each = [one / options.batch_size for one in seconds]
            needed = operations_of(name, size_of(options), length, number, options.iterations)
            points.append(Point(name, length, number, each, needed))
    return points


def cells_of(point: Point, points: Sequence[Point]) -> list[str]:
    """The point's row, beside the first of its system and its peer of the same size."""
    first = next(other for other in points if other.system == point.system)
    same_size = (PEER, point.length, point.candidates)
    peer = next((other for other in points if (other.system, other.length, other.candidates) == same_size), None)
    ratio = None if peer is None else spread(speed_ratios(peer.seconds, point.seconds))
    grown = (point.cost / first.cost, point.needed.total / first.needed.total)
    texts = [point.system, str(point.length), str(point.candidates), f"{point.cost:.3f}"]
    return [*texts, *(f"{times:.2f}" for times in grown), ratio_cell(ratio)]


def fits_of(
    points: Sequence[Point], sizes: Callable[[Point], int], fits: Mapping[str, Fit]
) -> dict[str, dict[str, Any]]:
    """System -> what was fitted -> the value measured and the one expected."""
    found = {}
    for system in dict.fromkeys(point.system for point in points):
        own = [point for point in points if point.system == system]
        n, costs, needed = [sizes(p) for p in own], [p.cost for p in own], [float(p.needed.total) for p in own]
        found[system] = {name: {"measured": fit(n, costs), "expected": fit(n, needed)} for name, fit in fits.items()}
    return found


def run(options: argparse.Namespace, command: str) -> str:
    """Measure, write the files and return the table."""
    torch.set_num_threads(options.threads)
    size = size_of(options)
    with tempfile.TemporaryDirectory() as work:
        models.write_dictionaries(Path(work), words_of(size))
        architectures = {name: size.architectures()[name] for name in options.systems}
        checkpoints = models.write_random_checkpoints(architectures, Path(work), options.seed)
        environment = Environment(checkpoints, {}, Path(work), options.device, forced=True)
        by_length = measure(options, environment, options.lengths, [options.length_beam])
        by_candidates = measure(options, environment, [options.length], options.candidates)
    fits = {
        "length": fits_of(by_length, lambda point: point.length, LENGTH_FITS),
        "candidates": fits_of(by_candidates, lambda point: point.candidates, {"exponent": exponent}),
    }
    facts = {
        "command": command,
        "machine": machine.describe(options.device),
        "seed": options.seed,
        "threads": options.threads,
        "batch": f"{options.batch_size} sentence(s), T {options.iterations}",
        "models": f"random weights; D {size.features}, {size.layers} layers, V {size.vocabulary}",
        "rounds": options.rounds,
        **{f"growth with {kind}, {name}": said(fit) for kind, of in fits.items() for name, fit in of.items()},
    }
    rows = [(point, points) for points in (by_length, by_candidates) for point in points]
    table = document("Growth of the decoding cost", facts, HEAD, [cells_of(*row) for row in rows], LEGEND)
    write(options.output, table, {**facts, "fits": fits}, [point.as_dict() for point, _ in rows])
    return table


def said(fits: Mapping[str, Mapping[str, float]]) -> str:
    """The fits of a system in a line."""
    return "; ".join(f"{name} {fit['measured']:.2f}, expected {fit['expected']:.2f}" for name, fit in fits.items())


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    numbers: dict[str, Any] = {"type": int, "nargs": "+", "metavar": "N"}
    lengths, candidates = [16, 32, 64, 128, 256, 512], [1, 3, 5, 7, 9]
    parser.add_argument("--lengths", default=lengths, **numbers, help="tokens of source and target (16 ... 512)")
    parser.add_argument("--length-beam", type=int, default=5, metavar="N", help="their l (default: %(default)s)")
    parser.add_argument("--candidates", default=candidates, **numbers, help="values of l (1 3 5 7 9)")
    parser.add_argument("--length", type=int, default=32, metavar="N", help="their length (default: %(default)s)")
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS), help="default: both")
    parser.add_argument("--iterations", type=int, default=10, metavar="N", help="T (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=1, metavar="N", help="sentences (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default: %(default)s")
    parser.add_argument("--output", type=Path, default=Path("work/growth"), help="writes OUTPUT.md and OUTPUT.json")
    add_common(parser)
    options = parser.parse_args(arguments)
    for name, values in (("--lengths", options.lengths), ("--candidates", options.candidates)):
        if len(set(values)) < 2:
            raise OptionError(f"{name} {' '.join(map(str, values))} shows no growth: give two values or more")
    return options


main = command("growth", parse, run)
