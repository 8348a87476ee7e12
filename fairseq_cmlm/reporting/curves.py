"""`fairseq-cmlm curves`: how trainings went, out of the logs of fairseq-train."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Sequence

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.reporting import plots
from fairseq_cmlm.reporting.cells import write_whole
from fairseq_cmlm.reporting.table import Row, Table, panel_of

_VALIDATION = re.compile(r"\| (?:valid|valid on '\w+' subset) \|(.*)")
_NUMBER = re.compile(r"(\w+) (-?\d+(?:\.\d+)?(?:e-?\d+)?)")
MEASURES = {"bleu": "BLEU", "nll_loss": "nll"}
LEGEND = """\
nll: bits a predicted token of the validation set; that of a CMLM, of masked tokens, is not comparable with an
autoregressive model's. BLEU: as --eval-bleu measured it."""


def curves(logs: Sequence[tuple[str, Path]], output: Path) -> str:
    """Write curves.md and curves.png into the folder `output`, and return the Markdown.

    logs  names of the trainings, and what fairseq-train logged (--log-format simple, or none)
    """
    names = [name for name, _ in logs]
    for name in names:
        if names.count(name) > 1:
            raise OptionError(f"two trainings cannot have the name '{name}': give each a name of its own")
    table = _table({name: read_log(path) for name, path in logs})
    text = f"## {table.title}\n\n{table.markdown()}\n\n{table.legend}\n"
    figure = plots.figure_class()
    if figure is None:
        print(f"fairseq-cmlm curves: {plots.MISSING}", file=sys.stderr)
    else:
        plots.draw(table, output / "curves.png", figure)
        text += f"\n![{table.title}](curves.png)\n"
    write_whole(output / "curves.md", text)
    return text


def read_log(path: Path) -> dict[int, dict[str, float]]:
    """The measures of each validation, by the number of updates. One that was repeated counts as it was last."""
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise TextError(f"the log {path} cannot be read: {error.strerror}") from None
    found: dict[int, dict[str, float]] = {}
    for validation in _VALIDATION.findall(text):
        numbers = {name: float(value) for name, value in _NUMBER.findall(validation)}
        if "num_updates" in numbers:
            measured = {name: numbers[name] for name in MEASURES if name in numbers}
            found[int(numbers["num_updates"])] = measured
    if not found:
        raise TextError(f"{path} holds no validation that fairseq-train logged")
    return found


def _table(found: dict[str, dict[int, dict[str, float]]]) -> Table:
    updates = sorted(set().union(*found.values()))
    columns = [(f"{name}, {MEASURES[key]}", name, key) for key in MEASURES for name in found]
    rows: list[Row] = [
        {"updates": number, **{column: found[name].get(number, {}).get(key) for column, name, key in columns}}
        for number in updates
    ]
    panels = [
        panel_of(rows, "updates", label, {name: f"{name}, {label}" for name in found}) for label in MEASURES.values()
    ]
    return Table("Validation by updates", rows, LEGEND, [panel for panel in panels if any(panel.series.values())])
