"""Trainings side by side: their validations as plots and as a table."""

from __future__ import annotations

from typing import Mapping, Optional

from fairseq_cmlm.course.chapter import Grid
from fairseq_cmlm.course.drawing import Panel
from fairseq_cmlm.course.results import Curve
from fairseq_cmlm.course.text import Cell, Text, number

MEASURES = {"bleu": "BLEU", "nll_loss": "nll, bits a token"}


def curve_panels(trainings: Mapping[str, Curve]) -> list[Panel]:
    """Return a plot of each measure by updates."""
    return [
        Panel("updates", label, {name: points for name, curve in trainings.items() if (points := _points(curve, key))})
        for key, label in MEASURES.items()
        if any(_points(curve, key) for curve in trainings.values())
    ]


def _points(curve: Curve, key: str) -> list[tuple[float, float]]:
    return [(updates, curve[updates][key]) for updates in sorted(curve) if key in curve[updates]]


def last(curve: Curve, key: str) -> Optional[float]:
    """Return a measure of the last validation, None where it was not measured."""
    return curve[max(curve)].get(key)


def comparison(trainings: Mapping[str, Curve]) -> Grid:
    """Return a row for each training: updates, and what its last validation measured."""
    rows: list[list[Cell]] = [
        [
            name,
            number(max(curve), 0),
            number(last(curve, "bleu"), 1),
            number(last(curve, "nll_loss"), 2),
            number(last(curve, "length_accuracy"), 1),
        ]
        for name, curve in trainings.items()
    ]
    head: list[Cell] = [
        Text("training", "训练"),
        Text("updates", "更新次数"),
        "BLEU",
        Text("nll, bits a token", "每词元 nll，比特"),
        Text("lengths right, %", "长度预测正确，%"),
    ]
    return Grid(head, rows)
