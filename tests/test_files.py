from __future__ import annotations

import hashlib
import resource
from pathlib import Path
from typing import IO

import pytest
import torch

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.files import file_digest, read_lines, write_files, write_text


def text(file: IO[bytes]) -> None:
    file.write(b"text")


def big(file: IO[bytes]) -> None:
    torch.save({"x": torch.zeros(100_000)}, file)


def test_all_files_are_written_and_folders_made(tmp_path: Path) -> None:
    write_files({tmp_path / "a" / "b" / "one": text, tmp_path / "a" / "b" / "two.pt": big})
    assert (tmp_path / "a" / "b" / "one").read_bytes() == b"text"
    assert torch.load(tmp_path / "a" / "b" / "two.pt")["x"].shape == (100_000,)
    assert sorted(file.name for file in (tmp_path / "a" / "b").iterdir()) == ["one", "two.pt"]


@pytest.mark.parametrize("order", [("one", "two.pt"), ("two.pt", "one")])
def test_a_full_disk_leaves_nothing(tmp_path: Path, order: tuple[str, str]) -> None:
    writers = {"one": text, "two.pt": big}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OptionError, match=r"two\.pt cannot be written: "):
            write_files({tmp_path / name: writers[name] for name in order})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def interrupted(file: IO[bytes]) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_files({tmp_path / "one": text, tmp_path / "two": interrupted})
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_kept(tmp_path: Path) -> None:
    (tmp_path / "two").write_text("mine")
    with pytest.raises(OptionError, match="two exists already: remove it, or name another output"):
        write_files({tmp_path / "one": text, tmp_path / "two": text})
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"two": "mine"}


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OptionError, match=r"file/one cannot be written: .*(Not a directory|File exists)"):
        write_files({tmp_path / "file" / "one": text})
    assert (tmp_path / "file").read_text() == "mine"


def test_text_replaces_what_was_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_text(path, "one")
    write_text(path, "two\u2028")
    assert path.read_bytes() == "two\u2028".encode() and list(path.parent.iterdir()) == [path]
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "three\ud800")
    assert path.read_bytes() == "two\u2028".encode() and list(path.parent.iterdir()) == [path]
    with pytest.raises(OptionError, match="cannot be written"):
        write_text(path / "below", "x")


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    content = b"ab" * (1 << 20)
    (tmp_path / "file").write_bytes(content)
    assert file_digest(tmp_path / "file") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("", []),
        ("\n", [""]),
        ("a\n\nb\n", ["a", "", "b"]),
        ("a\nb", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\r", ["a"]),
        (" a \t\n", [" a \t"]),
        ("a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i\nj\n", ["a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i", "j"]),
        ("a\u2028\nb\x85\n", ["a\u2028", "b\x85"]),
        ("a\x00b\ufeff\n", ["a\x00b\ufeff"]),
    ],
)
def test_a_line_feed_alone_ends_a_line(tmp_path: Path, content: str, lines: list[str]) -> None:
    (tmp_path / "text").write_bytes(content.encode())
    assert read_lines(tmp_path / "text") == lines
    # fairseq-preprocess opens a text so, and finds the same lines.
    with (tmp_path / "text").open(encoding="utf-8") as file:
        assert [line.removesuffix("\n") for line in file] == lines


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\rc\nd\n", r"line 2 of \S*text has a carriage return \(U\+000D\) inside it"),
        (b"a\r\r\nb\n", r"line 1 of \S*text has a carriage return"),
        (b"a\n\rb", r"line 2 of \S*text has a carriage return"),
        (b"\xef\xbb\xbfa\n", r"text begins with a byte order mark"),
        (b"a\nb\xe4\n", r"line 2 of \S*text is not UTF-8 \(.* at byte 2\): convert it"),
    ],
)
def test_what_programs_read_differently_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(TextError, match=message):
        read_lines(tmp_path / "text")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="nowhere cannot be read: No such file"):
        read_lines(tmp_path / "nowhere")
    with pytest.raises(TextError, match="cannot be read: Is a directory"):
        read_lines(tmp_path)
