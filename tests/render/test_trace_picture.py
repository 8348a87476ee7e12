"""The picture of a trace: what stands where."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import made_up_trace as made

from fairseq_cmlm.render.trace_picture import picture
from fairseq_cmlm.tracing import trace_document

SVG = "{http://www.w3.org/2000/svg}"


def drawn(texts: slice, runs: int = 2) -> ElementTree.Element:
    some = [made.Run(one.name, one.signature, one.translations[texts]) for one in made.runs()[:runs]]
    return ElementTree.fromstring(picture(trace_document(made.TEXTS[texts], some, ("de", "en"))))


def words(root: ElementTree.Element, kind: str) -> list[str]:
    return [one.text or "" for one in root.iter(f"{SVG}text") if one.get("class") == kind]


def boxes(root: ElementTree.Element) -> list[dict[str, Any]]:
    """The boxes of tokens: place, width, state."""
    found = [one for one in root.iter(f"{SVG}rect") if one.get("class") not in (None, "mark")]
    return [
        {"state": one.get("class"), **{key: float(one.attrib[key]) for key in ("x", "y", "width")}} for one in found
    ]


def test_each_pass_of_the_chosen_candidates_is_a_row() -> None:
    root = drawn(slice(0, 1), runs=1)
    assert words(root, "title") == [made.TEXTS[0]] and words(root, "name") == []
    assert words(root, "pass") == ["pass 1", "pass 2", "pass 3"]
    assert words(root, "word") == [word for passes in made.ENGLISH for word in passes[0]]
    states = [one["state"] for one in boxes(root)]
    assert states == ["masked"] * 3 + ["", "", "masked changed", "masked", "", "", "", "changed", ""]
    assert len([one for one in root.iter(f"{SVG}rect") if one.get("class") == "mark"]) == 2


def test_columns_stand_below_each_other_and_inside_the_picture() -> None:
    root = drawn(slice(0, 1), runs=1)
    found = boxes(root)
    columns = [{one["x"] for one in found[column::4]} for column in range(4)]
    assert all(len(places) == 1 for places in columns)
    for one, following in zip(found[:3], found[1:4]):
        assert one["x"] + one["width"] < following["x"]
    width, height = (float(root.attrib[name]) for name in ("width", "height"))
    assert all(one["x"] + one["width"] < width and one["y"] + 24 < height for one in found)


def test_runs_are_named_and_text_from_the_right_starts_there() -> None:
    root = drawn(slice(1, 2))
    assert words(root, "name") == ["first", made.SCRIPT]
    first, second, end = boxes(root)[:3]
    assert first["x"] > second["x"] > end["x"]
