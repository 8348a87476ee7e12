"""Figures as SVG, with matplotlib. Labels are English terms, numbers and symbols: a figure serves all languages."""

from __future__ import annotations

import importlib
import io
from typing import Any, Callable, Mapping, Sequence, Union

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.render import plots

Points = Sequence[tuple[Union[str, float], float]]
# Letters stay letters, whose shapes are the browser's; names inside the file do not change from run to run.
_SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "course", "font.size": 10}
_MASKED, _PLAIN, _OWN = "#ece8df", "#cfe9e4", "#f6b35e"


def drawn(width: float, height: float, draw: Callable[[Any], None]) -> Callable[[], str]:
    """Return a function that draws into a figure of this size, in inches, and returns it as SVG."""

    def svg() -> str:
        figure = plots.figure_class()
        if figure is None:
            raise OptionError("the figures of the course need matplotlib: pip install 'fairseq_cmlm[plots]'")
        with importlib.import_module("matplotlib").rc_context(_SETTINGS):
            whole, file = figure(figsize=(width, height), layout="constrained"), io.StringIO()
            draw(whole)
            whole.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"

    return svg


class Panel:
    """A plot of lines: name -> points. Those that are named "measured" are points alone, a "fit" is dashed, and what
    lies "beyond" the measured points is dotted and hollow.

    levels  name -> height of a horizontal line, as of another system
    log     whether x is logarithmic
    """

    def __init__(
        self, x: str, y: str, lines: Mapping[str, Points], levels: Mapping[str, float] = {}, log: bool = False
    ) -> None:
        self.x, self.y, self.lines, self.levels, self.log = x, y, lines, levels, log

    def draw(self, axes: Any) -> None:
        """Draw it."""
        for name, points in self.lines.items():
            axes.plot(*zip(*points), label=name, **_style(name))
        for shade, (name, height) in zip(("#56646e", "#a0a8ae", "#c9ced2"), self.levels.items()):
            axes.axhline(height, color=shade, linestyle="--", linewidth=1, label=name)
        if self.log:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(importlib.import_module("matplotlib.ticker").ScalarFormatter())
        axes.set_xlabel(self.x)
        axes.set_ylabel(self.y)
        axes.grid(alpha=0.3)
        if len(self.lines) + len(self.levels) > 1:
            axes.legend(fontsize=8)


def _style(name: str) -> dict[str, Any]:
    if name.startswith("fit"):
        return {"linestyle": "--", "color": "#56646e"}
    if name.startswith("beyond"):
        hollow = {"marker": "o", "markerfacecolor": "white", "markevery": slice(1, None)}
        return {"linestyle": ":", "color": "#b3541e", **hollow}
    if name == "measured":
        return {"linestyle": "", "marker": "o"}
    return {"marker": "o", "markersize": 3.5}


def panels(*shown: Panel) -> Callable[[], str]:
    """Return the SVG of plots side by side."""

    def draw(figure: Any) -> None:
        for axes, panel in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown):
            panel.draw(axes)

    return drawn(4.4 * len(shown), 3.4, draw)


def bars(measure: str, heights: Mapping[str, float], start: float = 0) -> Callable[[], str]:
    """Return the SVG of horizontal bars with their numbers; points where the axis does not `start` at 0."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        names = list(heights)
        if start:
            axes.plot([*heights.values()], range(len(names)), "o", color="#0f6a6f")
            axes.set_xlim(left=start)
        else:
            axes.barh(range(len(names)), [*heights.values()], color="#5b9aa0", height=0.65)
        for i, name in enumerate(names):
            label = {"va": "center", "fontsize": 8, "xytext": (6, 0), "textcoords": "offset points"}
            axes.annotate(f"{heights[name]:.1f}", (heights[name], i), **label)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        low, high = min(start, *heights.values()), max(heights.values())
        axes.set_xlim(right=high + 0.1 * max(high - low, 1))
        axes.set_xlabel(measure)
        axes.grid(axis="x", alpha=0.3)

    return drawn(7.5, 0.9 + 0.3 * len(heights), draw)


def cells(names: Sequence[str], words: Sequence[Sequence[str]], states: Sequence[Sequence[str]]) -> Callable[[], str]:
    """Return the SVG of rows of words in columns, coloured by state: "masked", "own", or "" for plain."""
    colours = {"masked": _MASKED, "own": _OWN, "": _PLAIN}
    columns = [max(len(word) for word in column) * 0.09 + 0.2 for column in zip(*words)]
    label = max(map(len, names)) * 0.085 + 0.3
    width = label + sum(columns) + 0.1

    def draw(figure: Any) -> None:
        axes = figure.add_axes((0, 0, 1, 1))
        figure.set_layout_engine("none")
        axes.set_xlim(0, width)
        axes.set_ylim(len(names), 0)
        axes.axis("off")
        box = importlib.import_module("matplotlib.patches").Rectangle
        for y, name in enumerate(names):
            axes.text(0.1, y + 0.5, name, va="center", fontsize=9)
            x = label
            for word, state, size in zip(words[y], states[y], columns):
                axes.add_patch(box((x + 0.02, y + 0.1), size - 0.04, 0.8, color=colours[state]))
                axes.text(x + size / 2, y + 0.5, word, va="center", ha="center", fontsize=9)
                x += size

    return drawn(width, 0.3 * len(names), draw)
