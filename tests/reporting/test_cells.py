from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.reporting.cells import Case, Cell, CellStore

CASE = Case("model", 4, 5)
CELL = Cell(["ein Hund ä"], [["ein", "Hu@@", "nd", "ä"]], [[5, 6]], [4], [0.5])


@pytest.mark.parametrize(
    ("case", "settings"),
    [
        (CASE, "T=4,l=5"),
        (Case("model", 0, 1, gold=True), "T=N,l=1,gold"),
        (Case("autoregressive", None, 5, timed=True), "beam=5,timed"),
    ],
)
def test_settings(case: Case, settings: str) -> None:
    assert case.settings == settings


def test_a_cell_comes_back_for_its_settings_and_what_it_depends_on_alone(tmp_path: Path) -> None:
    store, identity = CellStore(tmp_path / "cells"), {"checkpoint": "a", "text": "b"}
    assert store.load(CASE, identity) is None
    store.save(CASE, identity, CELL)
    assert store.load(CASE, {"text": "b", "checkpoint": "a"}) == CELL
    assert store.load(replace(CASE, system="the same by another name"), identity) == CELL
    assert store.load(CASE, {**identity, "checkpoint": "c"}) is None
    for other in ({"iterations": 0}, {"size": 4}, {"gold": True}, {"timed": True}):
        assert store.load(replace(CASE, **other), identity) is None
    assert [path.name[:8] for path in (tmp_path / "cells").iterdir()] == ["T=4,l=5,"]


@pytest.mark.parametrize("content", ["", "{}", '{"texts": []'])
def test_a_broken_cell_is_named(tmp_path: Path, content: str) -> None:
    store = CellStore(tmp_path)
    store.path(CASE, {}).write_text(content)
    with pytest.raises(TextError, match=r"T=4,l=5,.*\.json is no cell of a report .*: remove it"):
        store.load(CASE, {})
