"""Results of a task, as examples/steps/task.sh leaves them: as a table, as bars, and as a part of a chapter."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping, Optional

from fairseq_cmlm.course.chapter import Exhibit, Grid, Part, Picture
from fairseq_cmlm.course.commands import task
from fairseq_cmlm.course.drawing import bars
from fairseq_cmlm.course.results import LackingError, ResultFolder
from fairseq_cmlm.course.text import Cell, Text, number
from fairseq_cmlm.measures.table import TASK_MEASURES

Found = Mapping[str, Any]
SYSTEM = Text("system", "系统")


def first_measure(found: Found) -> str:
    """Return the measure that a task is judged by: the first of its format."""
    return str(next(iter(found["scores"])))


def heights(found: Found) -> dict[str, float]:
    """Return the first measure of each system that has it."""
    scores = zip(found["systems"], found["scores"][first_measure(found)])
    return {system: score for system, score in scores if score is not None}


def title(measure: str) -> str:
    """Return a measure's name as tables show it."""
    return TASK_MEASURES[measure].title


def grid(found: Found) -> Grid:
    """Return a row for each system, with all measures, passes and seconds."""
    measures = {
        name: [number(score, TASK_MEASURES[name].digits) for score in scores]
        for name, scores in found["scores"].items()
    }
    costs = [[number(one[key], 1) for one in found["made"]] for key in ("passes", "seconds")]
    rows: list[list[Cell]] = [list(row) for row in zip(found["systems"], *measures.values(), *costs)]
    return Grid([SYSTEM, *map(title, measures), Text("passes", "轮数"), Text("seconds", "秒")], rows)


def _made(name: str, results: ResultFolder) -> Exhibit:
    found = results.tasks().get(name)
    if found is None:
        raise LackingError
    results.read = [path for path in results.read if path.stem == name]
    scores = heights(found)
    best, measure = max(scores, key=lambda system: scores[system]), title(first_measure(found))
    confusion: Optional[str] = results.confusion(name)
    alt = Text("Bars: {measure} of each system", "条形图：各系统的 {measure}")
    picture = Picture(alt, bars(measure, scores))
    if confusion is not None:
        shown = confusion
        picture = Picture(Text("Confusion matrices of the systems", "各系统的混淆矩阵"), lambda: shown)
    values = {"examples": found["examples"], "measure": measure, "best": best, "score": scores[best]}
    return Exhibit(values, picture, grid(found))


def task_part(name: str, recipe: str, heading: Text, prose: Text) -> Part:
    """Return the part of a chapter about one task, whose results are tasks/NAME.json."""
    return Part(heading, prose, task(recipe, name), partial(_made, name))


BEST = Text(
    " Of {examples:,} examples; best by {measure}: `{best}`, {score:.1f}.",
    "共 {examples:,} 例；按 {measure} 最好的是 `{best}`，{score:.1f}。",
)


def judged(prose: Text) -> Text:
    """Return the prose of a task with a sentence that tells how many examples there are and which system is best."""
    return Text(prose.en + BEST.en, prose.zh + BEST.zh)
