from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from test_decoding_flags import setting

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import TextError
from fairseq_cmlm.experiments.case import BeamSearch, Case, label, varied
from fairseq_cmlm.experiments.cells import Cell, CellStore, cell_of
from fairseq_cmlm.experiments.systems.system import Decoded
from fairseq_cmlm.experiments.timing import Timing

CASE = Case("model", Decoding.of(iterations=4))
CELL = Cell(["ein Hund ä"], [["ein", "Hu@@", "nd", "ä"]], [[5, 6]], [[4, 4]], [[0.5]])


@pytest.mark.parametrize(
    ("case", "settings"),
    [
        (CASE, "T=4,l=5"),
        (Case("model", Decoding.of(iterations=0, length_beam=1, gold_target_length=True)), "T=N,l=1,gold"),
        (Case("autoregressive", BeamSearch(5), timed=True), "beam=5,timed"),
        (Case("model", Decoding.of(length_prior=0, stop_unchanged=2)), "T=10,l=5,length_prior=0,stop_unchanged=2"),
        (Case("model", Decoding.of(strategy="easy_first", beam=3)), "strategy=easy_first,T=10,l=5,beam=3"),
    ],
)
def test_settings(case: Case, settings: str) -> None:
    assert case.settings == settings


def test_cases_are_told_apart_by_what_differs() -> None:
    other = Case("raw", Decoding.of(iterations=10, length_beam=2))
    search = Case("autoregressive", BeamSearch(1))
    assert varied([CASE, other, search]) == ["system", "iterations", "length_beam"]
    assert varied([CASE, search]) == []
    assert label(other, ["system", "length_beam"]) == "raw,l=2"
    assert label(other, []) == "raw" and label(search, ["length_beam"]) == "beam 1"


def test_a_cell_is_in_the_order_of_the_text() -> None:
    timing = Timing([[1.0, 2.0], [3.0, 4.0]], [[Decoded(["c@@", "d"], [3], [2])], [Decoded(["a"], [2, 3], [1, 2])]])
    cell = cell_of(timing, order=[1, 0])
    tokens, latencies = [["a"], ["c@@", "d"]], [[1.0, 2.0], [3.0, 4.0]]
    assert cell == Cell(["a", "cd"], tokens, [[2, 3], [3]], [[1, 2], [2]], latencies, others=[[], []], in_turn=[1, 2])
    assert (cell.rounds, cell.passes_in_turn, cell.tokens_per_pass) == ([3.0, 7.0], 1.5, 5 / 3)


def test_a_cell_comes_back_for_its_decoding_and_what_it_depends_on_alone(tmp_path: Path) -> None:
    store, identity = CellStore(tmp_path / "cells"), {"checkpoint": "a", "text": "b"}
    assert store.load(CASE, identity) is None
    store.save(CASE, identity, CELL)
    assert store.load(CASE, {"text": "b", "checkpoint": "a"}) == CELL
    assert store.load(replace(CASE, system="the same by another name", batch_size=3), identity) == CELL
    assert store.load(CASE, {**identity, "checkpoint": "c"}) is None
    assert store.load(replace(CASE, timed=True), identity) is None
    assert [path.name[:8] for path in (tmp_path / "cells").iterdir()] == ["T=4,l=5,"]


@pytest.mark.parametrize("name", [one.name for one in fields(Decoding)])
def test_every_field_of_a_decoding_has_cells_of_its_own(name: str) -> None:
    default = Case("model", Decoding.of(strategy="easy_first" if name == "beam" else None))
    other = replace(default, decoding=Decoding.of(**setting(name)))
    assert getattr(other.decoding, name) != getattr(default.decoding, name)
    # Told by the hash: the settings in front of it may be cut, and round numbers.
    found = [CellStore(Path()).path(case, {}).name.rpartition(",")[2] for case in (default, other)]
    assert found[0] != found[1]


@pytest.mark.parametrize("content", ["", "{}", '{"texts": []'])
def test_a_broken_cell_is_named(tmp_path: Path, content: str) -> None:
    store = CellStore(tmp_path)
    store.path(CASE, {}).write_text(content)
    with pytest.raises(TextError, match=r"T=4,l=5,.*\.json is no cell of a report .*: remove it"):
        store.load(CASE, {})
