from __future__ import annotations

from pathlib import Path

import pytest
from fairseq_commands import run

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.files import read_lines


def check(folder: Path, capsys: pytest.CaptureFixture[str], *contents: bytes) -> tuple[list[str], bool]:
    """The lines that `fairseq-cmlm check` prints about files a, b, ..., without their folder; and whether it failed."""
    paths = [folder / "abc"[i] for i in range(len(contents))]
    for path, content in zip(paths, contents):
        path.write_bytes(content)
    failed = False
    try:
        main(["check", *map(str, paths)])
    except SystemExit as error:
        assert str(error.code).startswith("fairseq-cmlm check: lines would be split, shifted or lost")
        failed = True
    return capsys.readouterr().out.replace(f"{folder}/", "").splitlines(), failed


@pytest.mark.parametrize(
    ("content", "begins", "fails"),
    [
        ("a\nb\n", ["ok     a: 2 lines"], False),
        ("a\r\nb\r\n", ["ok     a: 2 lines"], False),
        ("a", ["ok     a: 1 line"], False),
        ("", ["ok     a: 0 lines"], False),
        (
            "a\nb\rc\nd\ne\rf\n",
            ["error  a: U+000D (carriage return) inside the line in 2 of 4 lines (2, 4): fairseq"],
            True,
        ),
        ("a\r\r\nb\n", ["error  a: U+000D (carriage return) inside the line in 1 of 2 lines (1): "], True),
        ("\ufeffa\nb\n", ["error  a: U+FEFF (byte order mark) at the beginning in 1 of 2 lines (1): "], True),
        (
            "\ufeff\n",
            ["error  a: U+FEFF (byte order mark)", "note   a: nothing but white space in 1 of 1 line (1)"],
            True,
        ),
        ("a\n\n \t\u3000\n", ["note   a: nothing but white space in 2 of 3 lines (2, 3): "], False),
        ("a\n\ufeffb\n", ["note   a: U+FEFF inside the line in 1 of 2 lines (2): "], False),
        ("a\nb\ufeff\n", ["note   a: U+FEFF inside the line in 1 of 2 lines (2): "], False),
        ("a\x00\n", ["note   a: U+0000 in 1 of 1 line (1): "], False),
        (
            "\u2028a\n" * 12,
            ["note   a: U+2028 (line separator) in 12 of 12 lines (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...)"],
            False,
        ),
        *(
            (f"a{character}b\n", [f"note   a: U+{ord(character):04X} ("], False)
            for character in "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
        ),
        ("a\x85\rb\n", ["error  a: U+000D", "note   a: U+0085"], True),
    ],
)
def test_each_fault_is_reported_with_its_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, begins: list[str], fails: bool
) -> None:
    lines, failed = check(tmp_path, capsys, content.encode())
    assert len(lines) == len(begins) and failed == fails, lines
    assert all(line.startswith(begin) for line, begin in zip(lines, begins)), lines


def test_bytes_that_are_not_utf_8_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines, failed = check(tmp_path, capsys, b"a\n\xe4\nb\n\xff\xfe\n")
    assert failed and lines[0].startswith("error  a: bytes that are not UTF-8 in 2 of 4 lines (2, 4): ")


def test_texts_must_be_parallel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines, failed = check(tmp_path, capsys, b"a\nb\n", b"A\nB", b"A\nB\nC\n")
    assert failed and lines[-1] == "error  a has 2 lines and c 3: they must be parallel"
    assert check(tmp_path, capsys, b"a\nb\n", b"A\nB") == (["ok     a: 2 lines", "ok     b: 2 lines"], False)
    with pytest.raises(SystemExit, match="nowhere cannot be read: No such file"):
        main(["check", str(tmp_path / "nowhere")])


def test_carriage_returns_on_both_sides_are_found_before_preprocess_shifts_the_pairs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = b"a\nb\rc\nd\ne\nf\n", b"A\nB\nD\nE\rX\nF\n"
    lines, failed = check(tmp_path, capsys, source, target)
    assert failed and [line.partition(" in 1 of 5 lines ")[2][:3] for line in lines] == ["(2)", "(4)"]
    # What it is about: fairseq-preprocess counts six sentences in each of the two texts of five lines.
    for name, language in (("a", "src"), ("b", "tgt")):
        (tmp_path / name).rename(tmp_path / f"train.{language}")
    options = ("-s", "src", "-t", "tgt", "--trainpref", tmp_path / "train", "--destdir", tmp_path / "data")
    log = run("preprocess", *options)
    assert log.count("6 sents") == 2 and log.count("5 sents") == 0


def test_read_lines_takes_what_passes_the_check_and_only_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for content in ("a\x85b\n\n", "a\rb", "\ufeffa", "a\ufeff", "a\r\n", "a\x00\x0b\n", "\r\r\n"):
        _, failed = check(tmp_path, capsys, content.encode())
        try:
            read_lines(tmp_path / "a")
            assert not failed, repr(content)
        except ValueError:
            assert failed, repr(content)


def test_several_pairs_are_checked_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, lines in {"train.en": 3, "train.de": 3, "valid.en": 2, "valid.de": 1, "more.en": 9}.items():
        (tmp_path / name).write_text("a\n" * lines)
    files = [str(tmp_path / name) for name in ("train.en", "train.de", "valid.en", "more.en")]
    main(["check", *files])
    with pytest.raises(SystemExit):
        main(["check", *files, str(tmp_path / "valid.de")])
    errors = [line for line in capsys.readouterr().out.splitlines() if line.startswith("error")]
    assert errors == [f"error  {tmp_path}/valid.en has 2 lines and {tmp_path}/valid.de 1: they must be parallel"]
