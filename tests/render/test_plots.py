from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairseq_cmlm.render.plots import draw, figure_class
from fairseq_cmlm.render.table import Panel, Table


def test_the_points_of_each_series_are_drawn_and_the_papers_dashed(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    kept: list[Any] = []

    def figure(**options: Any) -> Any:
        kept.append(figure_class()(**options))  # type: ignore[misc]
        return kept[0]

    numbers = Panel("T", "BLEU", {"ours": [(1, 2.0), (4, 3.0)], "paper": [(1, 5.0)], "nothing": []})
    names = Panel("length", "BLEU", {"ours": [("1-9", 2.0), ("40+", 1.0)]})
    draw(Table("Title", [], "", [numbers, names]), tmp_path / "plots" / "file.png", figure)
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["file.png"]
    first, second = kept[0].axes
    lines = {line.get_label(): line for line in first.lines}
    assert lines.keys() == {"ours", "paper"}
    assert [*zip(*lines["ours"].get_data())] == [(1, 2.0), (4, 3.0)]
    assert (lines["ours"].get_linestyle(), lines["paper"].get_linestyle()) == ("-", "--")
    assert (first.get_xlabel(), second.get_xlabel(), first.get_ylabel()) == ("T", "length", "BLEU")
    assert [label.get_text() for label in second.get_xticklabels()] == ["1-9", "40+"]


def test_an_axis_of_powers_has_plain_numbers_that_do_not_lie_upon_each_other(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    whole = figure_class()()  # type: ignore[misc]
    panel = Panel("ms", "BLEU", {"ours": [(2.3, 30.0), (51.0, 35.0)]}, log=True)
    draw(Table("Title", [], "", [panel]), tmp_path / "file.png", lambda **_: whole)
    axis = whole.axes[0].xaxis
    shown = [label.get_text() for label in axis.get_majorticklabels() if 2.3 <= label.get_position()[0] <= 51]
    assert shown == ["5", "10", "20", "50"]
    assert not any(label.get_text() for label in axis.get_minorticklabels())


@pytest.mark.parametrize("number", [12, 29])
def test_many_series_are_told_apart(number: int, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    kept: list[Any] = []

    def figure(**options: Any) -> Any:
        kept.append(figure_class()(**options))  # type: ignore[misc]
        return kept[0]

    series: dict[str, list[Any]] = {f"system {i}": [(i + 1, 1.0)] for i in range(number)}
    draw(Table("Title", [], "", [Panel("ms", "BLEU", series, "batch 1", log=True)]), tmp_path / "file.png", figure)
    (axes,) = kept[0].axes
    assert (axes.get_xscale(), axes.get_title()) == ("log", "batch 1")
    assert len({(line.get_color(), line.get_marker()) for line in axes.lines}) == number
    box = axes.get_legend().get_window_extent()
    assert box.x0 > axes.get_window_extent().x1  # the legend hides no point
    whole = kept[0].get_window_extent()
    assert whole.y0 <= box.y0 and box.y1 <= whole.y1 and axes.get_window_extent().height > whole.height / 2
