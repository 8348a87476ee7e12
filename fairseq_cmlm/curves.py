"""`fairseq-cmlm curves`: validation curves of trainings, from the logs of fairseq-train."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Optional, Sequence

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.files import write_text
from fairseq_cmlm.render import plots
from fairseq_cmlm.render.table import Row, Table, panel_of
from fairseq_cmlm.training_log import Measures, read_log

MEASURES = {"bleu": "BLEU", "nll_loss": "nll"}
LEGEND = """\
nll: bits a predicted token of the validation set; that of a CMLM, of masked tokens, is not comparable with an
autoregressive model's. BLEU: as --eval-bleu measured it."""
# Name of a training, and of a validation set if it is not "valid" -> updates -> measures.
Curves = dict[str, dict[int, Measures]]


def curves(logs: Sequence[tuple[str, Path]], output: Path) -> str:
    """Write curves.md and curves.png into the folder `output`, and return the Markdown.

    logs  name of each training and its log by fairseq-train (--log-format simple, tqdm or json)
    """
    names = [name for name, _ in logs]
    for name in names:
        if names.count(name) > 1:
            raise OptionError(f"two trainings cannot have the name '{name}': give each a name of its own")
    found: Curves = {}
    for name, path in logs:
        found.update(_curves(name, read_log(path, list(MEASURES))))
    table = _table(found)
    text = f"## {table.title}\n\n{table.markdown()}\n\n{table.legend}\n"
    figure = plots.figure_class()
    if figure is None:
        print(f"fairseq-cmlm curves: {plots.MISSING}", file=sys.stderr)
    else:
        plots.draw(table, output / "curves.png", figure)
        text += f"\n![{table.title}](curves.png)\n"
    write_text(output / "curves.md", text)
    return text


def _curves(name: str, validations: dict[str, dict[int, Measures]]) -> Curves:
    """Name the curves of a training, one set for each validation set of --valid-subset."""
    return {name if subset == "valid" else f"{name} on {subset}": found for subset, found in validations.items()}


def _table(found: Curves) -> Table:
    updates = sorted(set().union(*found.values()))
    columns = [(f"{name}, {MEASURES[key]}", name, key) for key in MEASURES for name in found]
    rows: list[Row] = [
        {"updates": number, **{column: _value(found[name], number, key) for column, name, key in columns}}
        for number in updates
    ]
    panels = [
        panel_of(rows, "updates", label, {name: f"{name}, {label}" for name in found}) for label in MEASURES.values()
    ]
    return Table("Validation by updates", rows, LEGEND, [panel for panel in panels if any(panel.series.values())])


def _value(curve: dict[int, Measures], updates: int, key: str) -> Optional[float]:
    return curve.get(updates, {}).get(key)
