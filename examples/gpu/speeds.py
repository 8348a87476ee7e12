"""Measure how fast fairseq-train makes updates, by size, precision and batch: what is run, and what its log says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Optional

from fairseq_cmlm.files import write_text
from fairseq_cmlm.render.document import document, section
from fairseq_cmlm.render.table import Table

UPDATES, INTERVAL = 60, 10
MODELS = ("teacher", "raw")
LEGEND = """\
tokens: the most target tokens of a batch (--max-tokens), padding counted, and on average, without it. Both are from the
log of fairseq-train, the median of its intervals but for the first two; raw is the CMLM on human translations."""


COLUMNS = {
    "model": "model",
    "size": "size",
    "precision": "precision",
    "max_tokens": "tokens, most",
    "tokens": "tokens, mean",
    "tokens_per_second": "tokens/s",
    "updates_per_second": "updates/s",
    "failed": "failed",
}


class Speed(NamedTuple):
    """A training to be measured: model of train.sh, SIZE of settings.sh, precision (or fp16), tokens of a batch."""

    model: str
    size: str
    precision: str
    max_tokens: int

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        return f"speed-{self.model}-{self.size}-{self.precision}-{self.max_tokens}"

    @property
    def settings(self) -> dict[str, object]:
        """Return the environment of train.sh, name -> value."""
        mixed = self.precision == "fp16"
        more = f"--no-save --disable-validation --log-interval {INTERVAL} {'--fp16' * mixed}"
        return {
            "NAME": self.name,
            "SIZE": self.size,
            "PRECISION": "float32" if mixed else self.precision,
            "TOKENS": self.max_tokens,
            "MAX_TOKENS": self.max_tokens,
            "MORE": more,
            "UPDATES": UPDATES,
            "TEACHER_UPDATES": UPDATES,
            "WARMUP": UPDATES // 2,
        }


def speeds_of(words: str) -> Iterator[Speed]:
    """Yield the trainings that SIZE:PRECISION:TOKENS ... name, for each model."""
    for word in words.split():
        size, precision, tokens = word.split(":")
        for model in MODELS:
            yield Speed(model, size, precision, int(tokens))


_INTERVAL = re.compile(r"\| train_inner \|.*?wps=(\d[\d.]*), ups=(\d[\d.]*), wpb=(\d[\d.]*),")


def measured(log: str) -> Optional[dict[str, float]]:
    """Return tokens and updates a second and tokens of an update; None of a log without an interval."""
    rows = [tuple(map(float, found)) for found in _INTERVAL.findall(log)]
    if not rows:
        return None
    columns = list(zip(*(rows[2:] or rows)))
    tokens, updates, batch = map(median, columns)
    return {"tokens_per_second": round(tokens), "updates_per_second": updates, "tokens": round(batch)}


def log_of(training: Path) -> str:
    """Return the log of fairseq-train in the folder of a training, empty where there is none."""
    log = training / "train.log"
    return log.read_text("utf-8", errors="replace") if log.exists() else ""


def out_of_memory(log: str) -> bool:
    """Return whether a log tells of too little memory, even for a single batch."""
    return "out of memory" in log.lower()


def write(folder: Path, prefix: Path, machine: Mapping[str, object]) -> None:
    """Write PREFIX.md and PREFIX.json of the trainings in a folder."""
    rows: list[dict[str, Any]] = []
    for training in sorted(folder.glob("speed-*")):
        _, model, size, precision, tokens = training.name.split("-")
        log = log_of(training)
        reason = "out of memory" if out_of_memory(log) else "ended early: see its train.log"
        # fairseq goes on without the batches that are too large, and would tell the speed of the others.
        failed = out_of_memory(log) or (training / "failed").exists()
        found: dict[str, Any] = (None if failed else measured(log)) or {"failed": reason}
        rows.append({"model": model, "size": size, "precision": precision, "max_tokens": int(tokens), **found})
    write_text(prefix.with_suffix(".json"), json.dumps({"machine": machine, "rows": rows}, indent=1))
    table = Table("Training speed", [{title: row.get(name) for name, title in COLUMNS.items()} for row in rows], LEGEND)
    write_text(prefix.with_suffix(".md"), document(table.title, {"machine": machine}, section(table)))
