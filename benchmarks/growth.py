r"""Measure how the cost of decoding grows with the length of source and target, and with the length candidates.

    python -m benchmarks growth
        about 10 minutes on one core
    python -m benchmarks growth --lengths 16 32 64 128 --candidates 1 3 5 --systems ours

Random weights; source and target have the same length, in tokens with `</s>`. The growth measured stands beside the one
expected from the multiply-adds alone (benchmarks/operations.py).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import product
from statistics import median
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from benchmarks.catalogue import MASKED, PEER, random_systems
from benchmarks.checked import Checked
from benchmarks.command import Command
from benchmarks.document import fields, ratio_cell, write_table
from benchmarks.models import Size, words_of
from benchmarks.operations import Operations, masked_in_each_pass, operations
from benchmarks.options import add_common, add_numbers, facts_of, positive, size_of
from benchmarks.sentences import random_words
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments.case import Case
from fairseq_cmlm.experiments.decode import decode
from fairseq_cmlm.experiments.systems.system import System
from fairseq_cmlm.experiments.timing import speed_ratios, spread
from fairseq_cmlm.render.table import Row

LEGEND = """\
seconds/sentence: of the median round. x the first: times the cost of the system's first row of its part of the table,
in which the length grows, then l. expected: the same of the multiply-adds. x PEER: how many times as fast, the median
of the ratios of all rounds (least-greatest). exponent e: cost grows with the e-th power.
"""


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the e of cost = c * size^e that fits best: least squares of the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def quadratic_share(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the share of b n^2 in the cost of the last size n, where cost = a n + b n^2 fits best, relatively."""
    n, cost = np.asarray(sizes, dtype=float), np.asarray(costs, dtype=float)
    parts = np.stack([n, n**2], axis=1) / cost[:, None]
    factors = np.linalg.lstsq(parts, np.ones(len(n)), rcond=None)[0]
    linear, quadratic = parts[-1] * factors
    return float(quadratic / (linear + quadratic))


Fit = Callable[[Sequence[float], Sequence[float]], float]
LENGTH_FITS: dict[str, Fit] = {"exponent": exponent, "share of the part in n^2 at the longest": quadratic_share}


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
        """Return the seconds a sentence, of the median round."""
        return median(self.seconds)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**vars(self), "needed": fields(self.needed)}


def operations_of(system: str, size: Size, length: int, candidates: int, iterations: int) -> Operations:
    """Count them for a sentence: ours asks for the masked tokens, fairseq's for all and has `<s>` in its canvas too."""
    if system == PEER:
        return operations(size, length, length + 1, candidates, [length + 1] * iterations)
    return operations(size, length, length, candidates, masked_in_each_pass(length, iterations))


def measure(
    options: argparse.Namespace, systems: Mapping[str, System], lengths: Sequence[int], candidates: Sequence[int]
) -> list[Point]:
    """Measure all systems at all the sizes, one batch for each length; within a round the systems take turns."""
    random, words = np.random.default_rng(options.seed), words_of(size_of(options))
    lengths = sorted(set(lengths))  # as the batches come
    sentences = random_words(
        [(length - 1, length - 1) for length in lengths for _ in range(options.batch_size)], words, random
    )
    cases = []
    for number, name in product(candidates, options.systems):
        decoding = Decoding.of(iterations=options.iterations, length_beam=number, gold_target_length=True)
        cases.append(Case(name, decoding, options.batch_size, options.threads))
    points = []
    for case, cell in decode(cases, systems, sentences, options.rounds, make=Checked).items():
        for length, *seconds in zip(lengths, *cell.seconds):
            size = getattr(case.decoding, "length_beam", 0)
            each = [one / options.batch_size for one in seconds]
            needed = operations_of(case.system, size_of(options), length, size, options.iterations)
            points.append(Point(case.system, length, size, each, needed))
    return points


def row_of(point: Point, points: Sequence[Point]) -> Row:
    """Return the point's row, beside the first of its system and its peer of the same size."""
    first = next(other for other in points if other.system == point.system)
    same_size = (PEER, point.length, point.candidates)
    peer = next((other for other in points if (other.system, other.length, other.candidates) == same_size), None)
    ratio = None if peer is None else spread(speed_ratios(peer.seconds, point.seconds))
    return {
        "system": point.system,
        "length": point.length,
        "l": point.candidates,
        "seconds/sentence": f"{point.cost:.3f}",
        "x the first": point.cost / first.cost,
        "expected": point.needed.total / first.needed.total,
        f"x {PEER}": ratio_cell(ratio),
    }


def fits_of(
    points: Sequence[Point], sizes: Callable[[Point], int], fits: Mapping[str, Fit]
) -> dict[str, dict[str, Any]]:
    """Return system -> what was fitted -> the value measured and the one expected."""
    found = {}
    for system in dict.fromkeys(point.system for point in points):
        own = [point for point in points if point.system == system]
        n, costs, needed = [sizes(p) for p in own], [p.cost for p in own], [float(p.needed.total) for p in own]
        found[system] = {name: {"measured": fit(n, costs), "expected": fit(n, needed)} for name, fit in fits.items()}
    return found


def run(options: argparse.Namespace, command: str) -> str:
    """Measure, write the files and return the table."""
    with random_systems(options, [MASKED[name] for name in options.systems]) as systems:
        by_length = measure(options, systems, options.lengths, [options.length_beam])
        by_candidates = measure(options, systems, [options.length], options.candidates)
    fits = {
        "length": fits_of(by_length, lambda point: point.length, LENGTH_FITS),
        "candidates": fits_of(by_candidates, lambda point: point.candidates, {"exponent": exponent}),
    }
    batch = f"{options.batch_size} sentence(s), T {options.iterations}"
    facts = facts_of(options, command, threads=options.threads, batch=batch)
    facts |= {f"growth with {kind}, {name}": said(fit) for kind, of in fits.items() for name, fit in of.items()}
    rows = [(row_of(one, points), one.as_dict()) for points in (by_length, by_candidates) for one in points]
    return write_table(options.output, "Growth of the decoding cost", LEGEND, rows, facts, fits=fits)


def said(fits: Mapping[str, Mapping[str, float]]) -> str:
    """Return the fits of a system in a line."""
    return "; ".join(f"{name} {fit['measured']:.2f}, expected {fit['expected']:.2f}" for name, fit in fits.items())


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    numbers: dict[str, Any] = {"type": positive, "nargs": "+", "metavar": "N"}
    lengths, candidates = [16, 32, 64, 128, 256, 512], [1, 3, 5, 7, 9]
    parser.add_argument("--lengths", default=lengths, **numbers, help="tokens of source and target (16 ... 512)")
    parser.add_argument("--candidates", default=candidates, **numbers, help="values of l (1 3 5 7 9)")
    parser.add_argument("--length", type=positive, default=32, metavar="N", help="their length (default: %(default)s)")
    parser.add_argument("--systems", nargs="+", default=list(MASKED), choices=list(MASKED), help="default: both")
    add_numbers(parser, length_beam=5, iterations=10, batch_size=1, threads=1)
    add_common(parser)


def check(options: argparse.Namespace) -> None:
    """Raise where there is nothing to compare."""
    for name, values in (("--lengths", options.lengths), ("--candidates", options.candidates)):
        if len(set(values)) < 2:
            raise OptionError(f"{name} {' '.join(map(str, values))} shows no growth: give two values or more")


main = Command("growth", __doc__, add_options, run, check)
