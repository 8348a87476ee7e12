"""`fairseq-cmlm tasks`: one table of all tasks, made of what `score --examples --json` wrote of each.

Systems are told apart by their names, which examples/steps/task.sh gives: `raw,T=4,infill` is the CMLM `raw` in four
passes, `teacher,beam=5` the autoregressive model, `updates-raw,beam=5` and `longer-raw,beam=5` that after as many
updates and as much time as `raw`, and a name without a comma is of an answer that needs no network.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Optional, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.files import read_lines
from fairseq_cmlm.formats.results import TaskResults
from fairseq_cmlm.formats.table import FORMATS
from fairseq_cmlm.generated import Cost
from fairseq_cmlm.measures.table import TASK_MEASURES
from fairseq_cmlm.render.markdown import markdown_table, numbers

RESULTS = "results.json"
LEGEND = """\
few: the fewest passes above one, many: the most; a way of one number of passes, as a pool is, stands under few.
The autoregressive model is told in the same way where it has that, else by its first output.
teacher: fairseq's Transformer of the same sizes, with which a `warm` model begins; as many updates, as much time:
after as many and as much as the model has had (- where it had that before, or was not measured). simple: without a
network. length ratio (output over reference), passes, seconds: of the columns from few to simple; a pass of the
autoregressive model is a token; seconds are of all examples.
"""
_RIVALS = {"teacher": "teacher", "as many updates": "updates-{}", "as much time": "longer-{}"}
_HEAD = ("task", "examples", "measure", "model", "few", "many", *_RIVALS, "simple")


class OutputName(NamedTuple):
    """An output by its name.

    model  `raw`, `teacher`, `longer-raw`
    way    what is said beside: `infill`, `spans`, `labels`; empty where nothing is
    size   passes T, or 0 where the name has none
    """

    number: int
    model: str
    way: str
    size: int

    @property
    def autoregressive(self) -> bool:
        """Tell whether it writes from left to right."""
        return self.model == "teacher" or self.model.startswith(("teacher-", "updates-", "longer-"))


def output_name(number: int, name: str) -> OutputName:
    """Read the name of an output.

    >>> output_name(0, "longer-raw,beam=5"), output_name(1, "raw,T=4,infill")[1:]
    (OutputName(number=0, model='longer-raw', way='', size=0), ('raw', 'infill', 4))
    """
    model, *parts = name.split(",")
    sizes = [int(part[2:]) for part in parts if part.startswith("T=") and part[2:].isdigit()]
    way = ",".join(part for part in parts if not part.startswith(("T=", "beam=")))
    return OutputName(number, model, way, max(sizes, default=0))


def tasks_table(paths: Sequence[Path]) -> str:
    """Return the table of the results in files, or in the results.json of folders, and its legend."""
    files = [path / RESULTS if path.is_dir() else path for path in paths]
    rows = [row for file in files for row in _rows(_task(file), _results(file))]
    return f"{markdown_table([*_HEAD, 'length ratio', 'passes', 'seconds'], rows)}\n\n{LEGEND}".rstrip()


def _task(file: Path) -> str:
    """Return the name of a task: that of its folder, or of a file that is not called as all are."""
    return file.resolve().parent.name if file.name == RESULTS else file.stem


def _results(file: Path) -> TaskResults:
    results = TaskResults.of_json("\n".join(read_lines(file)), str(file))
    if results.format not in FORMATS:
        raise TextError(f"{file} has the format '{results.format}', which is none of {', '.join(FORMATS)}")
    return results


def _rows(task: str, results: TaskResults) -> list[list[str]]:
    """Return a row for each CMLM and way of using it; one of the others alone where there is none."""
    named = [output_name(*one) for one in enumerate(results.systems) if "," in one[1] and ",draw=" not in one[1]]
    masked = [one for one in named if not one.autoregressive]
    simple = [i for i, name in enumerate(results.systems) if "," not in name]
    measure = FORMATS[results.format].main
    begin = [task, str(results.examples), TASK_MEASURES[measure].title]
    found = []
    for model, way in dict.fromkeys((one.model, one.way) for one in masked) or [("-", "")]:
        own = sorted((one for one in masked if (one.model, one.way) == (model, way)), key=lambda one: one.size)
        several = [one for one in own if one.size != 1] or own
        few, many = (several[0].number if several else None), (several[-1].number if several[1:] else None)
        rivals = [_left_to_right(named, name.format(model), way) for name in _RIVALS.values()]
        shown = (few, many, *rivals, simple[0] if simple else None)
        scores = [_score(results, measure, number) for number in shown]
        costs = zip(*(_costs(results, number) for number in shown))
        found.append([*begin, f"{model},{way}" if way else model, *scores, *map(" / ".join, costs)])
    return found


def _score(results: TaskResults, measure: str, number: Optional[int]) -> str:
    score = None if number is None else results.scores.get(measure, [None] * len(results.systems))[number]
    return numbers([score], TASK_MEASURES[measure].digits)[0]


def _costs(results: TaskResults, number: Optional[int]) -> list[str]:
    """Return length ratio, passes and seconds of an output, as they are shown."""
    cost = Cost() if number is None else results.provenance[number].cost
    return [_score(results, "length_ratio", number), *numbers([cost.passes, cost.seconds], 1)]


def _left_to_right(named: Sequence[OutputName], model: str, way: str) -> Optional[int]:
    """Return the number of an autoregressive model's output, made in the same way where there is one of that."""
    found: dict[str, int] = {}
    for one in named:
        if one.model == model:
            found.setdefault(one.way, one.number)
    return found.get(way, next(iter(found.values()), None))
