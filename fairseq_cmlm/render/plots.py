"""Plots of the tables, with matplotlib if it is installed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Optional, Union

from fairseq_cmlm.files import write_files
from fairseq_cmlm.render.table import Panel, Table

_COLOURS, _MARKERS = 10, "osD^v"  # matplotlib's colours; behind them they begin again, with another marker
_WITHIN = 6  # series whose legend finds room within the axes
_LINE = 0.2  # inches of a line of a legend beside them
MISSING = "no plots: matplotlib is not installed (pip install 'fairseq_cmlm[plots]'); all else is there"


def figure_class() -> Optional[Any]:
    """Return matplotlib's Figure, which needs no screen; None without matplotlib."""
    try:
        return importlib.import_module("matplotlib.figure").Figure
    except ImportError:
        return None


def draw(table: Table, path: Path, figure: Any) -> None:
    """Draw the panels of a table side by side, as PNG; `figure` is matplotlib's class."""
    most = max(len(_drawn(panel)) for panel in table.panels)
    size = (5.5, 4.0) if most <= _WITHIN else (8.0, max(4.0, 1 + _LINE * most))
    whole = figure(figsize=(size[0] * len(table.panels), size[1]), layout="constrained")
    for axes, panel in zip(whole.subplots(1, len(table.panels), squeeze=False)[0], table.panels):
        _draw_panel(panel, axes)
    whole.suptitle(table.title)
    write_files({path: lambda file: whole.savefig(file, format="png", dpi=120)}, replace=True)


def _drawn(panel: Panel) -> dict[str, list[tuple[Union[str, float], float]]]:
    """Return the series that have points."""
    return {name: points for name, points in panel.series.items() if points}


def _draw_panel(panel: Panel, axes: Any) -> None:
    drawn = _drawn(panel)
    for number, (name, points) in enumerate(drawn.items()):
        style, marker = "--" if name.startswith("paper") else "-", _MARKERS[number // _COLOURS % len(_MARKERS)]
        axes.plot(*zip(*points), style, marker=marker, markersize=4, label=name)
    axes.set_title(panel.title)
    if panel.log:
        axes.set_xscale("log")
        # Plain numbers at 1, 2 and 5 times a power of ten: matplotlib's own for a short axis lie upon each other.
        ticker = importlib.import_module("matplotlib.ticker")
        axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    axes.set_xlabel(panel.x)
    axes.set_ylabel(panel.y)
    axes.grid(alpha=0.3)
    beside = {"loc": "center left", "bbox_to_anchor": (1, 0.5), "fontsize": "small"}
    axes.legend(**(beside if len(drawn) > _WITHIN else {}))
