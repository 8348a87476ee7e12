"""Decoding through fairseq-interactive: whatever lines a user gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fairseq.data.encoders.moses_tokenizer import MosesTokenizerConfig
from fairseq_commands import LANGUAGES, PLUGIN, by_sentence, load_task, run
from omegaconf import OmegaConf

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.plugin import repairs


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


@pytest.mark.parametrize("buffer", [1, 2, 9])
def test_lines_that_are_too_long_are_left_out_and_the_others_keep_their_numbers(
    data: Path, checkpoint: Path, tmp_path: Path, buffer: int
) -> None:
    long = "the " * 5000
    text = "\n".join([long, "the dog", long, long, "the bird", ""]).encode()
    skip = ("--skip-invalid-size-inputs-valid-test", "--buffer-size", buffer)
    assert sorted(translate(data, checkpoint, text, tmp_path, *skip)) == [1, 4]


def test_a_line_that_no_batch_can_hold_is_named(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    text = b"the dog\nthe dog the dog the dog\n"
    with pytest.raises(TextError, match=r"--max-tokens allow, .*5.*the first of them line 2 with \(7, \d+\) tokens"):
        translate(data, checkpoint, text, tmp_path, "--max-tokens", 5, "--buffer-size", 2)


def test_blanks_are_filled_and_words_kept_line_by_line(
    data: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The command is imported before the package, which repairs it; here it was after.
    monkeypatch.setattr("fairseq_cli.interactive.buffered_read", repairs.buffered_read)
    words = translate(data, checkpoint, b"the bird sees the boat\n", tmp_path)[0].split()
    first, last = words[0], words[-1]
    lines = [
        f"{first} <blank:2> {last}",
        "",
        f"{last} {first}",
        f"<blank> {first}",
        "<blank:0>",
        f"{first} <blank:1-2>",
    ]
    text = "".join(f"the bird sees the boat\t{line}\n" for line in lines) + "\t<blank:1>\n"
    found = translate(data, checkpoint, text.encode(), tmp_path, "--infill")
    assert [found[1], found[2], found[4]] == ["", f"{last} {first}", ""]
    filled = found[0].split()
    assert (filled[0], len(filled), filled[-1]) == (first, 4, last)
    assert found[3].split()[-1] == first
    assert len(found[3].split()) > 1
    assert found[5].split()[0] == first
    assert len(found[5].split()) in (2, 3)
    assert len(found[6].split()) == 1, "nothing but a target"
    for options in ((7, "--batch-size", 7), (3, "--batch-size", 2)):
        assert translate(data, checkpoint, text.encode(), tmp_path, "--infill", "--buffer-size", *options) == found


@pytest.mark.parametrize(
    ("line", "message"),
    [("the dog", "line 2 has 0 tabs"), ("the dog\tqqqq <blank>", "line 2: .* no 'qqqq'"), ("a\t<blank:99>", "line 2 ")],
)
def test_a_target_that_cannot_be_met_is_named(
    data: Path, checkpoint: Path, tmp_path: Path, line: str, message: str
) -> None:
    with pytest.raises(TextError, match=message):
        translate(data, checkpoint, f"the dog\t<blank>\n{line}\n".encode(), tmp_path, "--infill")


def test_words_of_a_target_are_read_in_its_own_language(data: Path) -> None:
    """Moses parts `d'a` in French as `d' a`, in English as `d 'a`; joined as the other language it is changed."""
    task = load_task(data)
    task.cfg.infill = True
    options = MosesTokenizerConfig(_name="moses", source_lang="en", target_lang="fr")
    source = task.build_tokenizer(OmegaConf.structured(options))
    task.build_bpe(None)
    with pytest.raises(TextError, match="line 1: the model's dictionary has no 'd&apos;'"):
        task.get_interactive_tokens_and_lengths(["the\td'a <blank>"], source.encode)
    assert source.encode("d'a") == "d &apos;a"
