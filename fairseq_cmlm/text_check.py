"""Checks of raw text before fairseq-preprocess: characters that would split, shift, lose or change lines.

Tried with fairseq 0.12, sacremoses 0.2, subword-nmt 0.3 and sacreBLEU 2: fairseq-preprocess and sacremoses end a line
at U+000D, and none of the four programs ends a line at any of the other characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Sequence

from fairseq_cmlm.errors import TextError

_SHOWN = 10  # line numbers of a finding


@dataclass(frozen=True)
class Fault:
    """A fault of a line of text; `breaks` if it would split, shift or lose a line, or stop a program."""

    title: str
    effect: str
    breaks: bool = False


_SPLITLINES = "stays inside the line here, but programs that use Python's str.splitlines end a line there"
FAULTS = {
    "not UTF-8": Fault("bytes that are not UTF-8", "fairseq-preprocess stops there: convert the file", True),
    "bom": Fault(
        "U+FEFF (byte order mark) at the beginning", "it would be part of the first word: save without it", True
    ),
    "\r": Fault(
        "U+000D (carriage return) inside the line",
        "fairseq-preprocess and sacremoses end a line there, and all later pairs shift: replace it by a space",
        True,
    ),
    "\x0b": Fault("U+000B (vertical tab)", _SPLITLINES),
    "\x0c": Fault("U+000C (form feed)", _SPLITLINES),
    "\x1c": Fault("U+001C (file separator)", _SPLITLINES),
    "\x1d": Fault("U+001D (group separator)", _SPLITLINES),
    "\x1e": Fault("U+001E (record separator)", _SPLITLINES),
    "\x85": Fault("U+0085 (next line)", _SPLITLINES),
    "\u2028": Fault("U+2028 (line separator)", _SPLITLINES),
    "\u2029": Fault("U+2029 (paragraph separator)", _SPLITLINES),
    "\ufeff": Fault("U+FEFF inside the line", "it is part of a word: remove it"),
    "\x00": Fault("U+0000", "it is part of a word (is the file UTF-16?): remove it"),
    "empty": Fault("nothing but white space", "an empty line teaches nothing: leave the pair out"),
}
_CHARACTERS = re.compile("[" + "".join(sorted(key for key in FAULTS if len(key) == 1)) + "]")


@dataclass
class CheckedText:
    """The number of lines of a text, and the numbers (from 1) of the lines with each of FAULTS."""

    path: Path
    lines: int = 0
    found: dict[str, list[int]] = field(default_factory=dict)

    @property
    def broken(self) -> bool:
        """Return whether a line would be split, shifted or lost."""
        return any(FAULTS[key].breaks for key in self.found)

    def report(self) -> list[str]:
        """Return a line for each kind of fault, worst first, or one line that says that all is well."""
        ordered = [key for key in FAULTS if key in self.found]
        return [self._finding(key) for key in ordered] or [f"ok     {self.path}: {_counted(self.lines)}"]

    def _finding(self, key: str) -> str:
        fault, numbers = FAULTS[key], self.found[key]
        shown = ", ".join(map(str, numbers[:_SHOWN])) + ", ..." * (len(numbers) > _SHOWN)
        kind = "error" if fault.breaks else "note"
        where = f"in {len(numbers)} of {_counted(self.lines)} ({shown})"
        return f"{kind:<6} {self.path}: {fault.title} {where}: {fault.effect}"


def check_texts(paths: Sequence[Path]) -> tuple[list[str], bool]:
    """Check raw text files, and that those that belong together have as many lines.

    Files belong together if their names differ in the ending alone (train.en, train.de), and all do if there are no two
    such names. Return the lines of a report, and whether a fault would split, shift or lose a line. Raise a TextError
    for a file that cannot be read.
    """
    texts = [check_text(path) for path in paths]
    report = [line for text in texts for line in text.report()]
    unlike = [(group[0], text) for group in _parallel(texts) for text in group[1:] if text.lines != group[0].lines]
    report += [
        f"error  {first.path} has {_counted(first.lines)} and {text.path} {text.lines}: they must be parallel"
        for first, text in unlike
    ]
    return report, bool(unlike) or any(text.broken for text in texts)


def _parallel(texts: Sequence[CheckedText]) -> list[list[CheckedText]]:
    """Return the texts in groups that belong together."""
    groups: dict[Path, list[CheckedText]] = {}
    for text in texts:
        groups.setdefault(text.path.with_suffix(""), []).append(text)
    return list(groups.values()) if len(groups) < len(texts) else [list(texts)]


def check_text(path: Path) -> CheckedText:
    """Read a text file line by line, as U+000A ends them, and note every fault."""
    checked = CheckedText(path)
    try:
        with path.open("rb") as file:
            for number, content in enumerate(file, start=1):
                checked.lines = number
                for key in _faults(content, number == 1):
                    checked.found.setdefault(key, []).append(number)
    except OSError as error:
        raise TextError(f"{path} cannot be read: {error.strerror}") from None
    return checked


def _faults(content: bytes, first: bool) -> set[str]:
    """Return the keys of FAULTS that a line has; its line end is still on it."""
    try:
        line = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        return {"not UTF-8"}
    found = set()
    if first and line.startswith("\ufeff"):
        found.add("bom")
        line = line[1:]
    if not line.strip():
        found.add("empty")
    return found.union(_CHARACTERS.findall(line))


def _counted(lines: int) -> str:
    return f"{lines} line{'s' * (lines != 1)}"
