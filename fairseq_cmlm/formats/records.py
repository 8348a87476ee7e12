"""Reading publishers' files: parallel texts and tables. Errors name file and line of a record that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, Iterator, Mapping, NamedTuple, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.files import read_lines
from fairseq_cmlm.text.normalise import clean


class Record(NamedTuple):
    """One record.

    fields  name -> text, never empty, with single spaces where the file has white space of any kind
    places  name -> where it stands, for messages: `line 3 of train.tsv`
    """

    fields: Mapping[str, str]
    places: Mapping[str, str]

    @property
    def place(self) -> str:
        """Return where the first field stands."""
        return next(iter(self.places.values()))


def read_parallel(files: Mapping[str, Path]) -> Iterator[Record]:
    """Yield the lines of several texts side by side, by their names."""
    texts = [read_lines(path) for path in files.values()]
    (first, lines), *others = zip(files.values(), texts)
    for path, found in others:
        if len(found) != len(lines):
            raise TextError(f"{first} has {len(lines)} lines and {path} {len(found)}: they must be line by line")
    for number, values in enumerate(zip(*texts), 1):
        places = {name: f"line {number} of {path}" for name, path in files.items()}
        yield Record(_filled(values, places), places)


def by_source(records: Iterable[Record]) -> Iterator[tuple[str, list[Record]]]:
    """Yield the records of each source, the first field, in the order of their first lines."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(next(iter(record.fields.values())), []).append(record)
    yield from found.items()


def read_table(path: Path, columns: Sequence[str], head: bool = True) -> Iterator[Record]:
    """Yield the rows of a file with a tab between columns; nothing is quoted.

    head  the first line names the columns, which must be these
    """
    lines = read_lines(path)
    for number, line in enumerate(lines, 1):
        values, place = line.split("\t"), f"line {number} of {path}"
        if len(values) != len(columns):
            raise TextError(f"{place} has {len(values)} columns and should have {len(columns)}: {', '.join(columns)}")
        if head and number == 1:
            if values != list(columns):
                raise TextError(f"{place} should name the columns {', '.join(columns)}, and has {', '.join(values)}")
            continue
        places = dict.fromkeys(columns, place)
        yield Record(_filled(values, places), places)


def _filled(values: Sequence[str], places: Mapping[str, str]) -> dict[str, str]:
    fields = dict(zip(places, map(clean, values)))
    for name, place in places.items():
        if not fields[name]:
            raise TextError(f"{place} is empty where the {name} should be: leave the record out, in all its files")
    return fields
