"""The picture of confusion matrices."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.render.confusion import draw_confusion
from fairseq_cmlm.render.plots import figure_class

MATRICES = {"linear": [[30, 1], [0, 0]], "T=1": [[29, 2], [0, 0]]}


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_every_count_and_label_is_drawn(tmp_path: Path, ending: str) -> None:
    figure = figure_class()
    if figure is None:
        pytest.skip("matplotlib is not installed: extra `plots`")
    path = tmp_path / f"confusion.{ending}"
    draw_confusion(MATRICES, ["bad", "so so"], path, figure)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG" if ending == "png" else b"<?xml")
    if ending == "svg":  # text is drawn as shapes, after a comment that holds it
        drawn = content.decode()
        assert all(drawn.count(f"<!-- {text} -->") == 2 for text in ("answer", "right label"))
        assert all(f"<!-- {text} -->" in drawn for text in ("linear", "T=1", "30", "29"))


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"confusion.txt is no picture: name it \*.svg"):
        draw_confusion(MATRICES, ["bad", "so so"], tmp_path / "confusion.txt", None)
