"""Text files read line by line, files written whole or not at all, and the digest of a file."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sys
from pathlib import Path
from typing import IO, Callable, Iterable, Iterator, Mapping, Union

from fairseq_cmlm.errors import OptionError, TextError

FilePath = Union[str, "os.PathLike[str]"]
Write = Callable[[IO[bytes]], object]
_BROKEN_PIPE = 141  # the status of a program that SIGPIPE ended


def read_lines(path: Path) -> list[str]:
    """Return the lines of a UTF-8 text file without their ends; `text_lines` says what ends a line."""
    try:
        with path.open("rb") as file:
            return list(text_lines(file, str(path)))
    except OSError as error:
        raise TextError(f"{path} cannot be read: {error.strerror}") from None


def text_lines(stream: Iterable[bytes], name: str) -> Iterator[str]:
    """Yield the lines of a binary `stream` as text, so that every program of the chain counts the same lines.

    A line ends at U+000A, with or without U+000D before it. U+000D elsewhere raises a TextError, because
    fairseq-preprocess and sacremoses end a line there while subword-nmt and sacreBLEU do not. All other characters at
    which some programs end a line (str.splitlines: U+000B, U+000C, U+001C-1E, U+0085, U+2028, U+2029) stay inside the
    line, as in each of those four. Bytes that are not UTF-8 and a byte order mark raise a TextError too.

    name  of the file, for the messages
    """
    for number, content in enumerate(stream, start=1):
        try:
            line = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise TextError(
                f"line {number} of {name} is not UTF-8 ({error.reason} at byte {error.start + 1}): convert it"
            ) from None
        if "\r" in line:
            raise TextError(
                f"line {number} of {name} has a carriage return (U+000D) inside it, where fairseq-preprocess and "
                "sacremoses end the line: replace it by a space (fairseq-cmlm check finds all such lines)"
            )
        if number == 1 and line.startswith("\ufeff"):
            raise TextError(
                f"{name} begins with a byte order mark (U+FEFF), which would be part of its first word: save it as "
                "UTF-8 without one"
            )
        yield line


def write_files(files: Mapping[Path, Write], replace: bool = False) -> None:
    """Write `files`, path -> function that writes the content, all or none; make their folders.

    Raise an OptionError for an existing file, unless `replace` is true, and for a file that cannot be written.
    """
    # The process id separates two processes that write the same file at once; the later one wins, with a whole file.
    parts = {path: path.with_name(f"{path.name}.{os.getpid()}.part") for path in files}
    written: list[Path] = []
    try:
        for path in files:
            if path.exists() and not replace:
                raise OptionError(f"{path} exists already: remove it, or name another output")
        for path, write in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with parts[path].open("wb") as file:
                write(file)
        for path, part in parts.items():
            os.replace(part, path)
            written.append(path)
    except (OSError, RuntimeError) as error:  # torch.save raises the latter when the disk is full
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise OptionError(f"{path} cannot be written: {reason}") from None
    finally:
        # What an interruption has left half done is taken back; an older file that was replaced cannot be.
        half_done = written if len(written) < len(files) and not replace else []
        for part in (*parts.values(), *half_done):
            with contextlib.suppress(OSError):
                part.unlink()


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all, replacing an existing file."""
    write_files({path: lambda file: file.write(text.encode("utf-8"))}, replace=True)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of the content of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def until_nobody_reads() -> Iterator[None]:
    """End silently when the reader closes the pipe, as in `fairseq-cmlm score ... | head`."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Discard what Python still writes when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_BROKEN_PIPE)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(f"{Path(sys.argv[0]).name}: the output cannot be written: {error.strerror}")
