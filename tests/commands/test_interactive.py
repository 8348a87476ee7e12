"""Decoding through fairseq-interactive: whatever lines a user gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fairseq_commands import LANGUAGES, PLUGIN, by_sentence, run

from fairseq_cmlm.errors import TextError


def translate(data: Path, checkpoint: Path, text: bytes, folder: Path, *arguments: object) -> dict[int, str]:
    """Line number from 0 -> translation."""
    path = folder / "input.txt"
    path.write_bytes(text)
    options = (*PLUGIN, *LANGUAGES, "--path", checkpoint, "--cpu", "--input", path, "--decoding-iterations", 4)
    found = by_sentence(run("interactive", data, *options, *arguments))
    return {number: lines[0].split("\t")[1] for number, lines in found["H"].items()}


def test_every_line_is_answered_in_its_place(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    lines = ["the bird sees the boat", "", "bird", "qq ww", "the <mask> </s> <pad> <s> <unk>", "   ", "the big dog"]
    text = "".join(line + "\n" for line in lines).encode()
    one = translate(data, checkpoint, text, tmp_path)
    assert sorted(one) == list(range(7))
    assert one[1] == one[5] == "", "nothing is translated by nothing"
    assert all(one[number] for number in (0, 2, 3, 4, 6))
    for options in ((7, "--batch-size", 7), (3, "--max-tokens", 30), (4, "--batch-size", 2)):
        assert translate(data, checkpoint, text, tmp_path, "--buffer-size", *options) == one
    assert translate(data, checkpoint, text.replace(b"\n", b"\r\n"), tmp_path) == one


def test_a_line_that_is_too_long_is_named(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    text = b"the dog\nthe dog\n" + b"the " * 5000 + b"\n"
    for buffer in (1, 3):
        with pytest.raises(TextError, match=r"the first of them line 3 with \(5001, \d+\) tokens"):
            translate(data, checkpoint, text, tmp_path, "--buffer-size", buffer)


def test_a_line_that_is_not_utf_8_is_named(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "input.txt"
    path.write_bytes(b"the dog\nthe \xff dog\n")
    command = (Path(sys.executable).parent / "fairseq-interactive", data, *PLUGIN, *LANGUAGES, "--path", checkpoint)
    for source in (("--input", path), ()):
        with path.open("rb") as stdin:
            done = subprocess.run(
                [str(part) for part in (*command, "--cpu", *source)], stdin=stdin, capture_output=True, text=True
            )
        assert done.returncode == 1
        assert f"error: line 2 of {source[1] if source else '-'} is not UTF-8" in done.stderr
        assert "Traceback" not in done.stderr
        assert "\nH-0\t" in done.stdout, "the lines before it are translated"
