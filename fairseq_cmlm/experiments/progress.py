"""The progress of a long report, on standard error."""

from __future__ import annotations

import sys
import time

EVERY = 20.0  # seconds between two lines within a cell


class Progress:
    """A printer of progress: a line when a cell begins, some while it lasts, and one when it is done."""

    def __init__(self, cells: int) -> None:
        self._cells, self._begun = cells, 0
        self._label, self._start, self._said = "", 0.0, 0.0

    def begin(self, label: str) -> None:
        """Print that the next cell begins."""
        self._begun += 1
        self._label, self._start = f"[{self._begun}/{self._cells}] {label}", time.monotonic()
        self._say("...")

    def batches(self, done: int, total: int) -> None:
        """Print how many batches of the cell are done, from time to time."""
        if time.monotonic() - self._said > EVERY:
            self._say(f"{done} of {total} batches")

    def end(self) -> None:
        """Print that the cell is done."""
        self._say(f"done in {time.monotonic() - self._start:.1f} s")

    def _say(self, what: str) -> None:
        self._said = time.monotonic()
        print(f"{self._label}: {what}", file=sys.stderr, flush=True)
