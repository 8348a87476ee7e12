"""A trace as a picture: a row for each pass of the chosen candidates, as SVG, for papers and documents."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, NamedTuple, Sequence

from fairseq_cmlm.render.page import TEMPLATES

_LETTER, _PADDING, _GAP, _LABEL, _ROW, _TITLE = 7.8, 14, 4, 64, 28, 24
_LEGEND = "orange: unsure, green: sure · dashed: masked again · underlined: changed"
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNSURE, _SURE = (246, 179, 94), (207, 233, 228)


class Box(NamedTuple):
    """A token at its place; state is "", "masked", "changed masked" ..."""

    x: float
    y: float
    width: float
    word: str
    fill: str
    state: str


class Line(NamedTuple):
    """A line of text: a title, or the number of a pass."""

    y: float
    text: str
    state: str


def picture(document: dict[str, Any]) -> str:
    """Return the SVG of all sentences of a trace, one below the other, and of all runs of a sentence.

    Tokens fixed by the user have a frame, and tokens not yet written are grey and empty.
    """
    boxes: list[Box] = []
    lines: list[Line] = []
    y = 8.0
    for sentence in document["sentences"]:
        lines.append(Line(y, sentence["text"], "title"))
        y += _TITLE
        for run, decoding in zip(document["runs"], sentence["decodings"]):
            if len(document["runs"]) > 1:
                lines.append(Line(y, run["name"], "name"))
                y += _TITLE
            history = decoding["candidates"][0]["history"]
            boxes += _boxes(history, y)
            lines += [Line(y + _ROW * done, f"pass {done + 1}", "pass") for done in range(len(history))]
            y += _ROW * len(history) + _GAP
        y += _TITLE / 2
    lines.append(Line(y - _TITLE / 2, _LEGEND, "legend"))
    y += _TITLE / 2
    widths = [box.x + box.width for box in boxes] + [_width(line.text) for line in lines]
    drawn = TEMPLATES.get_template("picture.svg").render(
        boxes=boxes, lines=lines, width=round(max(widths)) + 16, height=round(y), row=_ROW, gap=_GAP
    )
    return _NOT_IN_XML.sub("\ufffd", drawn)


def _boxes(history: Sequence[dict[str, Any]], top: float) -> list[Box]:
    """Place the tokens of each pass in columns, as wide as their longest word; right-to-left text from the right."""
    columns = list(zip(*(made["written"] for made in history)))
    widths = [max(map(_width, column)) + _PADDING for column in columns]
    order = range(len(columns))[::-1] if _is_right_to_left(history[-1]["text"]) else range(len(columns))
    starts, x = {}, float(_LABEL)
    for column in order:
        starts[column], x = x, x + widths[column] + _GAP
    return [
        Box(starts[i], top + _ROW * done, widths[i], *_look(history, done, i))
        for done in range(len(history))
        for i in range(len(columns))
    ]


def _look(history: Sequence[dict[str, Any]], done: int, i: int) -> tuple[str, str, str]:
    """Return the word, colour and state of token `i` after a pass."""
    made, why = history[done], history[done]["why"][i]
    if why == "masked":
        return "", "#ece8df", "blank"
    if why == "given":
        return made["written"][i], "#ffffff", "given"
    changed = done > 0 and made["written"][i] != history[done - 1]["written"][i]
    states = [name for name, holds in (("masked", made["masked_again"][i]), ("changed", changed)) if holds]
    return made["written"][i], _colour(made["probabilities"][i]), " ".join(states)


def _colour(p: float) -> str:
    """Return the colour of a probability, from unsure to sure.

    >>> _colour(0.0), _colour(1.0)
    ('#f6b35e', '#cfe9e4')
    """
    mixed = (round(low + p * (high - low)) for low, high in zip(_UNSURE, _SURE))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _width(text: str) -> float:
    """Estimate the width of a text: marks take no room, East Asian letters two of the others."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    marks = sum(unicodedata.combining(letter) != 0 for letter in text)
    return (len(text) + wide * 0.9 - marks) * _LETTER


def _is_right_to_left(text: str) -> bool:
    """Say whether the first letter that has a direction is read from the right.

    >>> _is_right_to_left("123 שלום"), _is_right_to_left("a שלום")
    (True, False)
    """
    strong = (unicodedata.bidirectional(letter) for letter in text)
    return next((kind for kind in strong if kind in ("L", "R", "AL")), "L") != "L"
