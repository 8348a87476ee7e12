from __future__ import annotations

from pathlib import Path

import pytest

from fairseq_cmlm.command_line import main
from fairseq_cmlm.errors import TextError
from fairseq_cmlm.evaluation.generated import read_generated
from fairseq_cmlm.evaluation.repetition import repeated_tokens

OUTPUT = """2026 | INFO | something
S-1\tein Hund
T-1\ta dog
H-1\t-0.3\ta a do@@ g
D-1\t-0.3\ta a dog
P-1\t-0.1 -0.2
H-1\t-0.4\tsecond best
D-1\t-0.4\tsecond best
S-0\teine Katze
H-0\t-0.2\ta cat
D-0\t-0.2\ta cat
"""


@pytest.mark.parametrize(
    ("sentences", "percent"),
    [([["a", "a", "b", "b", "b"]], 60.0), ([["a"], ["a"]], 0.0), ([[]], 0.0), ([["a", "b", "a"]], 0.0)],
)
def test_repeated_tokens(sentences: list[list[str]], percent: float) -> None:
    assert repeated_tokens(sentences) == pytest.approx(percent)


def test_the_best_of_each_sentence_is_read() -> None:
    found = read_generated(OUTPUT.splitlines(), "output")
    assert found[0].text == "a cat" and found[1].text == "a a dog" and found[1].tokens == ["a", "a", "do@@", "g"]


def test_doubled_and_cut_outputs_are_refused() -> None:
    with pytest.raises(TextError, match="output translates sentence 1 twice"):
        read_generated((OUTPUT + "H-1\t-0.4\tx\n").splitlines(), "output")
    with pytest.raises(TextError, match="output has a H line but no D line for sentence 2"):
        read_generated((OUTPUT + "H-2\t-0.4\tx\n").splitlines(), "output")


def score(folder: Path, reference: str, capsys: pytest.CaptureFixture[str], output: str = OUTPUT) -> str:
    (folder / "T=4.out").write_text(output)
    (folder / "reference").write_text(reference)
    main(["score", str(folder / "T=4.out"), "--reference", str(folder / "reference")])
    return capsys.readouterr().out


def test_the_table_has_a_row_for_each_output_and_the_signatures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = score(tmp_path, "a cat\na dog\n", capsys)
    row = next(line for line in printed.splitlines() if line.startswith("| T=4"))
    # 1 of 6 tokens repeats; 5 words, all 1-grams but one are right.
    assert row.split(" | ")[-1] == "16.67 |"
    assert "BLEU nrefs:1|case:mixed" in printed and "chrF nrefs:1" in printed
    assert "| T=4 | 100.0 | 100.0 |" in score(
        tmp_path,
        "a cat sat on\nit\n",
        capsys,
        "".join(f"{kind}-{i}\t-1\t{text}\n" for i, text in enumerate(["a cat sat on", "it"]) for kind in "HD"),
    )


def test_tokenised_bleu_is_of_the_words_that_the_model_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = "H-0\t-1\tit is n@@ &apos;t a big wo@@ lf@@\nD-0\t-1\tit isn't a big cat\n"
    (tmp_path / "T=4.out").write_text(output)
    (tmp_path / "raw").write_text("it isn't a big cat\n")
    (tmp_path / "tokens").write_text("it is n&apos;t a big wolf\n")
    options = ["--reference", str(tmp_path / "raw"), "--tokenised-reference", str(tmp_path / "tokens")]
    main(["score", str(tmp_path / "T=4.out"), *options])
    header, _, row, _, *signatures = capsys.readouterr().out.splitlines()
    assert header == "| output | BLEU | chrF | repeated tokens % | tokenised BLEU |"
    assert row == "| T=4 | 100.0 | 100.0 | 0.00 | 100.00 |"
    assert [signature.partition("|")[0] for signature in signatures] == [
        "BLEU nrefs:1",
        "chrF nrefs:1",
        "tokenised BLEU nrefs:1",
    ]
    assert "tok:none" in signatures[2]
    with pytest.raises(SystemExit, match=r"tokens has 2 lines and .*raw 1"):
        (tmp_path / "tokens").write_text("it is\nn&apos;t\n")
        main(["score", str(tmp_path / "T=4.out"), *options])


def test_chinese_is_scored_by_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "T=4.out").write_text("H-0\t-1\t上周 古装剧 停播\nD-0\t-1\t上周古装剧停播\n")
    (tmp_path / "raw").write_text("上周 古装 剧停播\n")
    main(["score", str(tmp_path / "T=4.out"), "--reference", str(tmp_path / "raw"), "--tokenize", "zh"])
    printed = capsys.readouterr().out
    assert "| T=4 | 100.0 | 100.0 |" in printed and "tok:zh" in printed


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("a cat\na dog\nmore\n", "lacks 1 of 3 sentences, the first of them sentence 2"),
        ("a cat\n", "holds 2 sentences and the reference 1"),
    ],
)
def test_another_text_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], reference: str, message: str
) -> None:
    with pytest.raises(SystemExit, match=message):
        score(tmp_path, reference, capsys)


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"none cannot be read: No such file"):
        main(["score", str(tmp_path / "none"), "--reference", str(tmp_path / "none")])
    (tmp_path / "latin").write_bytes(b"\xe4\n")
    with pytest.raises(SystemExit, match=r"latin is not UTF-8"):
        main(["score", str(tmp_path / "none"), "--reference", str(tmp_path / "latin")])


def test_path_is_the_user_dir(capsys: pytest.CaptureFixture[str]) -> None:
    main(["path"])
    assert (Path(capsys.readouterr().out.strip()) / "plugin" / "task.py").is_file()
