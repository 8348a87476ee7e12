from __future__ import annotations

import resource
from pathlib import Path
from typing import IO

import pytest
import torch

from fairseq_cmlm.conversion.writing import write_together
from fairseq_cmlm.errors import CheckpointError


def text(file: IO[bytes]) -> None:
    file.write(b"text")


def big(file: IO[bytes]) -> None:
    torch.save({"x": torch.zeros(100_000)}, file)


def test_all_files_are_written_and_folders_made(tmp_path: Path) -> None:
    write_together({tmp_path / "a" / "b" / "one": text, tmp_path / "a" / "b" / "two.pt": big})
    assert (tmp_path / "a" / "b" / "one").read_bytes() == b"text"
    assert torch.load(tmp_path / "a" / "b" / "two.pt")["x"].shape == (100_000,)
    assert sorted(file.name for file in (tmp_path / "a" / "b").iterdir()) == ["one", "two.pt"]


@pytest.mark.parametrize("order", [("one", "two.pt"), ("two.pt", "one")])
def test_a_full_disk_leaves_nothing(tmp_path: Path, order: tuple[str, str]) -> None:
    writers = {"one": text, "two.pt": big}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(CheckpointError, match=r"two\.pt cannot be written: "):
            write_together({tmp_path / name: writers[name] for name in order})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def interrupted(file: IO[bytes]) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_together({tmp_path / "one": text, tmp_path / "two": interrupted})
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_kept(tmp_path: Path) -> None:
    (tmp_path / "two").write_text("mine")
    with pytest.raises(CheckpointError, match="two exists already: remove it, or name another output"):
        write_together({tmp_path / "one": text, tmp_path / "two": text})
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"two": "mine"}


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CheckpointError, match=r"file/one cannot be written: .*(Not a directory|File exists)"):
        write_together({tmp_path / "file" / "one": text})
    assert (tmp_path / "file").read_text() == "mine"
