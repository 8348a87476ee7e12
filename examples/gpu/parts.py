"""Files as one compressed archive in parts of a size, for machines that take or give back small files only."""

from __future__ import annotations

import io
import re
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Iterator

MEGABYTE = 2**20
SMALL = MEGABYTE // 4


class _PartWriter(io.RawIOBase):
    """A writer that goes on in a new file whenever one is full."""

    def __init__(self, prefix: Path, size: int) -> None:
        self._prefix, self._size, self._room = prefix, size, 0
        self._paths: list[Path] = []

    def writable(self) -> bool:
        return True

    def write(self, content: object) -> int:
        rest = memoryview(content).cast("B")  # type: ignore[arg-type]
        written = len(rest)
        while len(rest):
            if not self._room:
                self._paths.append(Path(f"{self._prefix}.part{len(self._paths) + 1}"))
                self._room = self._size
            with self._paths[-1].open("ab") as file:
                taken = file.write(rest[: self._room])
            self._room -= taken
            rest = rest[taken:]
        return written

    def finish(self) -> list[Path]:
        """Name the parts by how many there are."""
        number = len(self._paths)
        return [path.rename(f"{self._prefix}.{i}-of-{number}") for i, path in enumerate(self._paths, start=1)]


def pack(files: Mapping[str, Path], prefix: Path, megabytes: float, compression: str = "gz") -> list[Path]:
    """Write `files`, name in the archive -> file or folder, as PREFIX.1-of-N ..., each of `megabytes` at most.

    A folder stands for itself alone, that its time is kept too. Earlier parts of the prefix are removed.
    """
    prefix.parent.mkdir(parents=True, exist_ok=True)
    for old in (*found_parts(prefix), *prefix.parent.glob(f"{prefix.name}.part*")):
        old.unlink()
    writer = _PartWriter(prefix, int(megabytes * MEGABYTE))
    with tarfile.open(fileobj=writer, mode=f"w|{compression}") as archive:  # type: ignore[call-overload]
        # The small ones first: parts that are lost are the last ones.
        for name, path in sorted(files.items(), key=lambda file: (file[1].stat().st_size >= SMALL, file[0])):
            archive.add(path, name, recursive=False)
    return writer.finish()


def found_parts(prefix: Path) -> list[Path]:
    """Return the parts of an archive that are there, in their order."""
    pattern = re.compile(re.escape(prefix.name) + r"\.(\d+)-of-\d+")
    found = {path: match for path in prefix.parent.glob("*") if (match := pattern.fullmatch(path.name))}
    return sorted(found, key=lambda path: int(found[path][1]))


def unpack(prefix: Path, folder: Path, keep: bool = False) -> None:
    """Unpack the parts of an archive into a folder; with `keep`, leave what is there already as it is."""
    parts = found_parts(prefix)
    wanted = parts[0].name.rpartition("-")[2] if parts else "1"
    expected = [f"{prefix.name}.{i}-of-{wanted}" for i in range(1, int(wanted) + 1)]
    if [path.name for path in parts] != expected:
        missing = set(expected).difference(path.name for path in parts)
        sys.exit(f"{prefix.parent} must hold {len(expected)} parts of {prefix.name}; missing: {sorted(missing)}")
    with tarfile.open(fileobj=_PartReader(parts), mode="r|*") as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder, members=_wanted(archive, folder, keep))


def _wanted(archive: tarfile.TarFile, folder: Path, keep: bool) -> Iterator[tarfile.TarInfo]:
    return (member for member in archive if not (keep and (folder / member.name).exists()))


class _PartReader(io.RawIOBase):
    """The parts, read as one file."""

    def __init__(self, parts: list[Path]) -> None:
        self._files = [path.open("rb") for path in parts]

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while self._files:
            content = self._files[0].read(size)
            if content:
                return content
            self._files.pop(0).close()
        return b""
