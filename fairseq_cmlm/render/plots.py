"""Plots of the tables, with matplotlib if it is installed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Optional

from fairseq_cmlm.files import write_files
from fairseq_cmlm.render.table import Panel, Table

MISSING = "no plots: matplotlib is not installed (pip install 'fairseq_cmlm[plots]'); all else is there"


def figure_class() -> Optional[Any]:
    """The Figure of matplotlib, which needs no screen; None without matplotlib."""
    try:
        return importlib.import_module("matplotlib.figure").Figure
    except ImportError:
        return None


def draw(table: Table, path: Path, figure: Any) -> None:
    """Draw the panels of a table side by side, as PNG; `figure` is matplotlib's class."""
    whole = figure(figsize=(5.5 * len(table.panels), 4), layout="constrained")
    for axes, panel in zip(whole.subplots(1, len(table.panels), squeeze=False)[0], table.panels):
        _draw_panel(panel, axes)
    whole.suptitle(table.title)
    write_files({path: lambda file: whole.savefig(file, format="png", dpi=120)}, replace=True)


def _draw_panel(panel: Panel, axes: Any) -> None:
    for name, points in panel.series.items():
        if points:
            style = "--" if name.startswith("paper") else "-"
            axes.plot(*zip(*points), style, marker="o", markersize=4, label=name)
    axes.set_xlabel(panel.x)
    axes.set_ylabel(panel.y)
    axes.grid(alpha=0.3)
    axes.legend()
