"""The tables of the paper. To add one: a file with its cases and its table, a row in TABLES, a row in its test.

To add an axis, a field of Decoding, to a table: cases that differ in it.
"""

from __future__ import annotations

from typing import Callable, NamedTuple

from fairseq_cmlm.experiments.case import Case
from fairseq_cmlm.experiments.results import Results
from fairseq_cmlm.experiments.subject import Subject
from fairseq_cmlm.experiments.tables import (
    candidates,
    choice,
    comparison,
    iterations,
    lengths,
    repetition,
    samplers,
    speed,
)
from fairseq_cmlm.render.table import Table


class Kind(NamedTuple):
    """The cases that a table needs, and the table made of their cells."""

    cases: Callable[[Subject], list[Case]]
    table: Callable[[Results], Table]


TABLES: dict[str, Kind] = {
    "iterations": Kind(iterations.cases, iterations.table),
    "repetition": Kind(repetition.cases, repetition.table),
    "lengths": Kind(lengths.cases, lengths.table),
    "candidates": Kind(candidates.cases, candidates.table),
    "samplers": Kind(samplers.cases, samplers.table),
    "choice": Kind(choice.cases, choice.table),
    "comparison": Kind(comparison.cases, comparison.table),
    "speed": Kind(speed.cases_with_peer, speed.table),
}
