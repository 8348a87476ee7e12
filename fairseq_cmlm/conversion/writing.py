"""Writing files so that none is ever half there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO, Callable, Mapping

from fairseq_cmlm.errors import CheckpointError


def write_together(files: Mapping[Path, Callable[[IO[bytes]], object]]) -> None:
    """Write `files`, path -> what writes its content, all or none; an existing file is never written over."""
    parts = {path: path.with_name(f"{path.name}.part") for path in files}
    try:
        for path in files:
            if path.exists():
                raise CheckpointError(f"{path} exists already: remove it, or name another output")
        for path, write in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with parts[path].open("wb") as file:
                write(file)
        for path, part in parts.items():
            os.replace(part, path)
    except (OSError, RuntimeError) as error:  # torch.save raises the latter when the disk is full
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"{path} cannot be written: {reason}") from None
    finally:
        for part in parts.values():
            with contextlib.suppress(OSError):
                part.unlink()
