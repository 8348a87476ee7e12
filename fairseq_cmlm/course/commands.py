"""The commands that make results, named where these lack."""

from __future__ import annotations

COLLECT = "bash examples/course/collect.sh multi30k en-de WORK MODEL RESULTS"


def ablation(table: str) -> str:
    """Return the commands that train the variants of a table and collect their logs."""
    return f"bash examples/ablations/run.sh multi30k en-de WORK {table}\nTABLES={table} {COLLECT}"


def task(recipe: str, name: str) -> str:
    """Return the commands that train for a task and collect its results under a name."""
    return f"bash examples/steps/task.sh {recipe} WORK\nbash examples/course/collect_task.sh {name} WORK RESULTS"
