"""The folder of results that the course is made of: what lies where, and how it is read.

    traces/NAME.json    `fairseq-cmlm trace`: passes.json, strategies.json
    reports/NAME.json   report.json of `fairseq-cmlm report`; each table in one of them
    logs/GROUP/NAME.log what fairseq-train logged; trainings of a group are comparable
    tasks/NAME.json     results.json of examples/steps/task.sh, and beside it NAME.svg, the confusion matrices
    memory.json         `python -m benchmarks decoding`
    model.json, views.json   examples/course/model.py

examples/course fills it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator, Optional

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.training_log import Measures, read_log

# Updates -> measures.
Curve = dict[int, Measures]


class LackingError(Exception):
    """There is no such result."""


class ResultFolder:
    """A folder of results.

    read     the files that were read, for the page that is made of them
    reports  command and text of each report among them
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise OptionError(f"there is no folder {folder}: examples/course says how to make one")
        self.folder = folder
        self.read: list[Path] = []
        self.reports: list[tuple[str, str]] = []

    def trace(self, name: str) -> dict[str, Any]:
        """Return the trace traces/NAME.json."""
        return self._object(self.folder / "traces" / f"{name}.json", "sentences")

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a table of the reports."""
        found = [(path, one) for path, one in self._reports() if name in one["tables"]]
        if len(found) > 1:
            raise TextError(
                f"{' and '.join(str(path) for path, _ in found)} hold the table '{name}' both: leave one of them out"
            )
        if not found:
            raise LackingError
        path, report = found[0]
        self._note(path)
        self.reports.append((report["facts"]["command"].strip("`"), report["facts"]["text"]))
        return list(report["tables"][name]["rows"])

    def trainings(self, group: str) -> dict[str, Curve]:
        """Return the validations of each training of a group, by its name."""
        found: dict[str, Curve] = {}
        for path in sorted((self.folder / "logs" / group).glob("*.log")):
            self._note(path)
            found[path.stem] = read_log(path, ("bleu", "nll_loss", "length_accuracy"))["valid"]
        if not found:
            raise LackingError
        return found

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Return the results of every task, by its name."""
        paths = sorted((self.folder / "tasks").glob("*.json"))
        if not paths:
            raise LackingError
        return {path.stem: self._object(path, "scores") for path in paths}

    def confusion(self, task: str) -> Optional[str]:
        """Return the picture of a task's confusion matrices, None where it has none."""
        path = self.folder / "tasks" / f"{task}.svg"
        if not path.is_file():
            return None
        self._note(path)
        return path.read_text("utf-8")

    def file(self, name: str, wanted: str) -> dict[str, Any]:
        """Return NAME.json, which has the entry `wanted`."""
        return self._object(self.folder / f"{name}.json", wanted)

    def _reports(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in sorted((self.folder / "reports").glob("*.json")):
            yield path, read_object(path, "tables")

    def _object(self, path: Path, wanted: str) -> dict[str, Any]:
        if not path.exists():
            raise LackingError
        self._note(path)
        return read_object(path, wanted)

    def _note(self, path: Path) -> None:
        if path not in self.read:
            self.read.append(path)


def read_object(path: Path, wanted: str) -> dict[str, Any]:
    """Return the JSON object in a file, which must have the entry `wanted`; anything else raises a TextError."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise TextError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise TextError(f"{path} is no JSON ({error}): make it again") from None
    if not isinstance(found, dict) or wanted not in found:
        raise TextError(f"{path} has no entry '{wanted}': it is of another kind than its place says")
    return found
