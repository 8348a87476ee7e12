"""Work out sizes and updates that fit the time, from what the stages `training` and `decoding` measured.

    python examples/gpu/plan.py WORK [--minutes 20] [--tokens-per-second N] [--sentences-per-second N]

prints the plan of the stages teacher, distillation, cmlm and report, and writes it into WORK/plan.sh, which the recipe
reads, and WORK/figures/plan.md and .json. With --tokens-per-second, of a training of base size, nothing is written: it
shows what a machine of that speed could do.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.files import write_text
from fairseq_cmlm.render.document import document, section
from fairseq_cmlm.render.table import Row, Table

# Seconds that do not depend on the size: starts of processes, validations, checkpoints; the translations and tables.
STARTS, REPORT = 90.0, 150.0
TEACHER_SHARE = 0.4
# Several processes at a time, larger batches and half precision, against the one process of the benchmark: an estimate.
DISTILLATION_GAIN = 2.0
# A model that sees each sentence less often than this learns more if it is smaller.
LEAST_EPOCHS = 10
# More updates than this bring less than larger batches.
ENOUGH_UPDATES = 6000
# The smallest batch that is nearly as fast as the fastest.
NEARLY = 0.85
PRECISIONS = ("bfloat16", "float32")
TITLES = {"teacher": "teacher", "raw": "cmlm"}


class Corpus(NamedTuple):
    """The training text: pairs, and target tokens."""

    pairs: int
    tokens: int


class Choice(NamedTuple):
    """Size, precision and batch of the trainings, with updates a second by model, `teacher` and `raw`."""

    size: str
    precision: str
    max_tokens: int
    updates: Mapping[str, float]
    tokens: Mapping[str, float]


class Plan(NamedTuple):
    """The stages of a call, and their time.

    settings  of the recipe, by name
    model     of train.sh that is trained last; without distillation if that takes too long
    rows      a stage each
    """

    settings: dict[str, object]
    model: str
    rows: list[Row]


def corpus_of(work: Path) -> Corpus:
    """Count the training text."""
    sides = [work / "bpe" / f"train.{language}" for language in ("en", "de")]
    if not all(side.is_file() for side in sides):
        raise TextError(f"{sides[0].parent} has no training text: run prepare.sh first")
    with sides[1].open("rb") as text:
        lengths = [len(line.split()) + 1 for line in text]
    return Corpus(len(lengths), sum(lengths))


def choices(rows: Sequence[Mapping[str, Any]]) -> list[Choice]:
    """Return, for each size that was measured, base first, the batch and precision to train with."""
    found = []
    for size in ("base", "small", "tiny"):
        candidates = []
        for precision in PRECISIONS:
            for most in sorted({row["max_tokens"] for row in rows}):
                both = {
                    row["model"]: row
                    for row in rows
                    if (row["size"], row["precision"], row["max_tokens"]) == (size, precision, most)
                    and "failed" not in row
                }
                if len(both) == len(TITLES):
                    updates = {model: row["updates_per_second"] for model, row in both.items()}
                    tokens = {model: row["tokens_per_second"] for model, row in both.items()}
                    candidates.append(Choice(size, precision, most, updates, tokens))
        if candidates:
            best = max(min(one.tokens.values()) for one in candidates)
            fast = [one for one in candidates if min(one.tokens.values()) >= NEARLY * best]
            found.append(min(fast, key=lambda one: one.max_tokens))
    return found


def assumed(tokens_per_second: float) -> list[Choice]:
    """Return the choices of a machine that trains a base model so fast; a small one is taken for four times as fast."""
    sizes = {"base": tokens_per_second, "small": 4 * tokens_per_second}
    # Batches of 16,384 tokens are about 0.8 full.
    return [
        Choice(size, "bfloat16", 16384, dict.fromkeys(TITLES, speed / 13000), dict.fromkeys(TITLES, speed))
        for size, speed in sizes.items()
    ]


def plan(
    corpus: Corpus, found: Sequence[Choice], sentences_per_second: Optional[float], seconds: float, models: int
) -> Plan:
    """Divide the seconds out; at least a minute is for trainings.

    sentences_per_second  of a teacher's beam search, as the benchmark measures it; None if it was not measured
    models                how many CMLMs are trained
    """
    free = seconds - STARTS - REPORT
    distillation = corpus.pairs / sentences_per_second / DISTILLATION_GAIN if sentences_per_second else None
    distilled = distillation is not None and distillation <= free / 2
    rest = max(free - (distillation or 0.0) * distilled, 60.0)
    times = {"teacher": TEACHER_SHARE * rest, "raw": (1 - TEACHER_SHARE) * rest / models}
    chosen = next((one for one in found if one.tokens["raw"] * times["raw"] >= LEAST_EPOCHS * corpus.tokens), found[-1])
    steps = {model: max(1, int(chosen.updates[model] * times[model])) for model in TITLES}
    accumulated = max(1, min(steps.values()) // ENOUGH_UPDATES)
    updates = {model: max(1, number // accumulated) for model, number in steps.items()}
    settings = {
        "SIZE": chosen.size,
        "PRECISION": chosen.precision,
        "MAX_TOKENS": chosen.max_tokens,
        "TOKENS": chosen.max_tokens * accumulated,
        "TEACHER_UPDATES": updates["teacher"],
        "UPDATES": updates["raw"],
        "WARMUP": max(1, min(updates.values()) // 10),
        "SAVE_EVERY": max(1, min(updates.values()) // 8),
    }
    rows = [_row(TITLES[model], times[model], updates[model], chosen, model, corpus) for model in TITLES]
    rows[1]["minutes"] = models * times["raw"] / 60
    told = f"{corpus.pairs} pairs" if distilled else "left out: it takes more than half of the time, or is not measured"
    between: Row = {"stage": "distillation", "minutes": (distillation or 0.0) / 60 * distilled, "what": told}
    last: Row = {"stage": "report", "minutes": REPORT / 60, "what": "beam 5, T = 4 and 10, tables of the paper"}
    return Plan(settings, "warm-distilled" if distilled else "warm-raw", [rows[0], between, rows[1], last])


def _row(stage: str, seconds: float, updates: int, chosen: Choice, model: str, corpus: Corpus) -> Row:
    epochs = chosen.tokens[model] * seconds / corpus.tokens
    what = f"{updates} updates, {chosen.size}, {chosen.precision}, {epochs:.0f} epochs"
    return {"stage": stage, "minutes": seconds / 60, "what": what}


def beam_speed(figures: Path) -> Optional[float]:
    """Return the most sentences a second that fairseq's even Transformer made with beam 5 in any batch."""
    speeds = [
        row["sentences_per_second"]["median"]
        for path in figures.glob("decoding-*.json")
        for row in json.loads(path.read_text())["rows"]
        if row["system"].startswith("fairseq-") and row["system"].endswith("beam5")
    ]
    return max(speeds, default=None)


def shown(found: Plan, minutes: float) -> str:
    """Return the plan as Markdown."""
    rows = [{**row, "minutes": float(row["minutes"] or 0)} for row in found.rows]
    settings = ", ".join(f"{name}={value}" for name, value in found.settings.items())
    facts = {"minutes": minutes, "settings": settings, "model": found.model}
    return document("Plan", facts, section(Table("Plan", rows, "")))


def planned(work: Path, minutes: float) -> Plan:
    """Return the plan by what was measured in WORK."""
    measured = work / "figures" / "training.json"
    if not measured.is_file():
        raise TextError(f"{measured} is missing: run the stage training first, or give --tokens-per-second")
    found = choices(json.loads(measured.read_text())["rows"])
    if not found:
        raise TextError(f"{measured} has no batch that teacher and raw were both measured with")
    models = 2 if os.environ.get("OBJECTIVE") else 1
    return plan(corpus_of(work), found, beam_speed(work / "figures"), 60 * minutes, models)


def write(work: Path, minutes: float) -> str:
    """Write the plan of WORK, and return it as Markdown."""
    found = planned(work, minutes)
    text = shown(found, minutes)
    lines = [f': "${{{name}:={shlex.quote(str(value))}}}"' for name, value in found.settings.items()]
    write_text(work / "plan.sh", "\n".join(["# Written by plan.py.", *lines, ""]))
    write_text(work / "figures" / "plan.md", text)
    write_text(work / "figures" / "plan.json", json.dumps({"model": found.model, "rows": found.rows}, indent=1))
    return text


def model_of(work: Path) -> str:
    """Return the model of train.sh that the plan of WORK ends with."""
    path = work / "figures" / "plan.json"
    return str(json.loads(path.read_text())["model"]) if path.is_file() else "warm-distilled"


def main() -> None:
    """Print the plan, and write it if it is a measured one."""
    whole = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="plan.py", description=__doc__, formatter_class=whole)
    parser.add_argument("work", type=Path, metavar="WORK")
    parser.add_argument("--minutes", type=float, default=20, help="for those stages (default: %(default)s)")
    parser.add_argument("--tokens-per-second", type=float, metavar="N")
    parser.add_argument("--sentences-per-second", type=float, metavar="N", help="of the teacher's beam search")
    options = parser.parse_args()
    try:
        if options.tokens_per_second is None:
            print(write(options.work, options.minutes))
            return
        models = 2 if os.environ.get("OBJECTIVE") else 1
        speed, corpus = options.sentences_per_second, corpus_of(options.work)
        found = plan(corpus, assumed(options.tokens_per_second), speed, 60 * options.minutes, models)
        print(shown(found, options.minutes))
    except TextError as error:
        parser.exit(1, f"plan.py: {error}\n")


if __name__ == "__main__":
    main()
