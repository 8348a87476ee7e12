from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.measures.measure import Gold, Measure, Scale
from fairseq_cmlm.measures.table import MEASURES

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
    # 1 of 6 tokens repeats; 5 words for 4, all 1-grams but one are right.
    assert row.split(" | ")[-2:] == ["16.67", "1.25 |"]
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
    assert header == "| output | BLEU | chrF | repeated tokens % | length ratio | tokenised BLEU |"
    assert row == "| T=4 | 100.0 | 100.0 | 0.00 | 1.00 | 100.00 |"
    assert [signature.partition("|")[0] for signature in signatures] == [
        "BLEU nrefs:1",
        "chrF nrefs:1",
        "tokenised BLEU nrefs:1",
        "decoding unknown",
    ]
    assert "tok:none" in signatures[2]
    with pytest.raises(SystemExit, match=r"tokens has 2 lines and .*raw 1"):
        (tmp_path / "tokens").write_text("it is\nn&apos;t\n")
        main(["score", str(tmp_path / "T=4.out"), *options])


def test_passes_tokens_and_seconds_are_those_of_the_output_or_its_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "Translated 2 sentences (6 tokens) in 1.5s (1.3 sentences/s, 4 tokens/s)"
    texts = "".join(f"H-{i}\t-1\ta cat\nD-{i}\t-1\ta cat\n" for i in range(2))
    (tmp_path / "T=4.out").write_text(texts)
    (tmp_path / "T=4.out.log").write_text(f"{told}; 3.5 passes a sentence, 0.86 tokens a pass\n")
    (tmp_path / "beam=5.out").write_text(f"# decoding autoregressive|beam:5\n{texts}{told}\n")
    (tmp_path / "other.out").write_text(texts)
    (tmp_path / "raw").write_text("a cat\na cat\n")
    outputs = [str(tmp_path / f"{name}.out") for name in ("T=4", "beam=5", "other")]
    main(["score", *outputs, "--reference", str(tmp_path / "raw")])
    head, _, *rows = capsys.readouterr().out.splitlines()[:5]
    assert head.endswith("| passes | tokens a pass | seconds |")
    assert [row.split(" | ")[-3:] for row in rows] == [
        ["3.5", "0.86", "1.5 |"],
        ["3.0", "1.00", "1.5 |"],
        ["-", "-", "- |"],
    ]


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
    with pytest.raises(SystemExit, match=r"line 1 of \S*latin is not UTF-8"):
        main(["score", str(tmp_path / "none"), "--reference", str(tmp_path / "latin")])
    (tmp_path / "empty").write_text("")
    with pytest.raises(SystemExit, match=r"empty is empty: there is nothing to score"):
        main(["score", str(tmp_path / "none"), "--reference", str(tmp_path / "empty")])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("foo", r"--tokenize foo is none of .*13a.*"),
        ("ja-mecab", r"--tokenize ja-mecab cannot be used: .* pip install sacrebleu\[ja\]"),
    ],
)
def test_a_tokenizer_that_is_not_there_is_one_line(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "T=4.out").write_text(OUTPUT)
    (tmp_path / "raw").write_text("a cat\na dog\n")
    # As if the package were not installed.
    with (
        mock.patch("sacrebleu.tokenizers.tokenizer_ja_mecab.MeCab", None),
        pytest.raises(SystemExit, match=f"^fairseq-cmlm score: {message}$"),
    ):
        main(["score", str(tmp_path / "T=4.out"), "--reference", str(tmp_path / "raw"), "--tokenize", name])


def test_a_new_measure_is_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def shout(gold: Gold) -> Scale:
        return Scale(lambda output: float(len(output.texts) + len(gold.references)), "marks:!|nrefs:1")

    with mock.patch.dict(MEASURES, shout=Measure("loudness", 3, shout)):
        printed = score(tmp_path, "a cat\na dog\n", capsys).splitlines()
    assert printed[0] == "| output | BLEU | chrF | repeated tokens % | length ratio | loudness |"
    assert printed[2].endswith("| 16.67 | 1.25 | 3.000 |")
    assert printed[-2:] == ["loudness marks:!|nrefs:1", "decoding unknown"]


def test_the_decoding_of_each_output_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = [tmp_path / "T=4.out", tmp_path / "T=10.out"]
    (tmp_path / "raw").write_text("a cat\na dog\n")
    command = ["score", *map(str, outputs), "--reference", str(tmp_path / "raw")]
    for path in outputs:
        path.write_text("# decoding iterations:4\n" + OUTPUT)
    main(command)
    assert capsys.readouterr().out.splitlines()[-2:] == [mock.ANY, "decoding iterations:4"]
    outputs[1].write_text(OUTPUT)
    main(command)
    told = capsys.readouterr().out.splitlines()[-2:]
    assert told == ["decoding of T=4: iterations:4", "decoding of T=10: unknown"]


def test_the_text_pipeline_of_the_outputs_is_told_and_gives_the_tokenizer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As sacreBLEU chooses it for a language; what an option says wins."""
    head = "# text en-zh|source normalise:nfc|tokenizer:moses|subwords:none|target normalise:nfc\n"
    (tmp_path / "T=4.out").write_text(f"{head}H-0\t-1\t上周 古装剧\nD-0\t-1\t上周古装剧停播\n")
    (tmp_path / "teacher.out").write_text("H-0\t-1\t上周 古装剧\nD-0\t-1\t上周古装剧停播\n")
    (tmp_path / "raw").write_text("上周 古装 剧停播\n")
    words = ["--reference", str(tmp_path / "raw")]
    main(["score", str(tmp_path / "T=4.out"), *words])
    printed = capsys.readouterr().out
    assert "| T=4 | 100.0 | 100.0 |" in printed and "tok:zh" in printed
    assert printed.splitlines()[-1] == f"text {head.removeprefix('# text ').strip()}"
    main(["score", str(tmp_path / "T=4.out"), *words, "--tokenize", "13a"])
    assert "tok:13a" in capsys.readouterr().out
    main(["score", str(tmp_path / "teacher.out"), *words])
    printed = capsys.readouterr().out
    assert "tok:13a" in printed and "\ntext " not in printed, "nobody knows the language"
    main(["score", str(tmp_path / "T=4.out"), str(tmp_path / "teacher.out"), *words])
    assert capsys.readouterr().out.splitlines()[-1] == "text of teacher: unknown"


def test_pieces_of_sentencepiece_are_joined_for_tokenised_bleu(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "T=4.out").write_text("H-0\t-1\t▁the ▁big ▁do g ▁sees ▁it .\nD-0\t-1\tthe big dog sees it.\n")
    (tmp_path / "raw").write_text("the big dog sees it.\n")
    reference = str(tmp_path / "raw")
    main(["score", str(tmp_path / "T=4.out"), "--reference", reference, "--tokenised-reference", reference])
    assert "| T=4 | 100.0 | 100.0 | 0.00 | 1.00 | 100.00 |" in capsys.readouterr().out


def test_outputs_are_compared_with_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right = [f"the {word} is here and stays" for word in ("cat", "dog", "cow", "hen", "fox", "owl", "ant", "bee")]
    for name, wrong in (("base", 4), ("better", 0), ("same", 4)):
        lines = ["no word of it" if i < wrong else text for i, text in enumerate(right)]
        (tmp_path / name).write_text(
            "".join(f"{kind}-{i}\t-1\t{text}\n" for i, text in enumerate(lines) for kind in "HD")
        )
    (tmp_path / "reference").write_text("\n".join(right) + "\n")
    outputs = [str(tmp_path / name) for name in ("better", "same", "base")]
    main(["score", *outputs, "--reference", str(tmp_path / "reference"), "--against", str(tmp_path / "base")])
    printed = capsys.readouterr().out
    header, _, *rows = [line for line in printed.splitlines() if line.startswith("|")]
    assert header.startswith("| output | BLEU | BLEU, difference | chrF | chrF, difference |")
    found = {row.split(" | ")[0][2:]: row.split(" | ")[1:5] for row in rows}
    assert list(found) == ["base", "better", "same"] and found["base"][1::2] == ["-", "-"]
    gained = float(found["better"][0]) - float(found["base"][0])
    assert found["better"][1].startswith(f"+{gained:.1f} (p=0.0") and found["better"][3].startswith("+")
    assert found["same"][1] == "+0.0 (p=1.000)"
    assert "difference of BLEU, chrF from base: paired bootstrap, 1000 resamplings" in printed
    with pytest.raises(SystemExit, match="--tokenize foo is none of"):
        given = ("--against", str(tmp_path / "base"), "--tokenize", "foo")
        main(["score", *outputs, "--reference", str(tmp_path / "reference"), *given])


def test_a_reference_that_is_another_text_is_doubted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets = "T-0\tit is n@@ &apos;t a cat\nT-1\ta dog\nT-2\ta <<unk>>\n"
    output = targets + "".join(f"{kind}-{i}\t-1\ta dog\n" for i in range(3) for kind in "HD")
    doubt = "Is this the right reference?"
    assert doubt not in score(tmp_path, "It isn't a cat.\nA dog\na zebra\n", capsys, output)
    assert f"{doubt} 2 of the 2 targets" in score(tmp_path, "Katze\nHund\nZebra\n", capsys, output)
    assert doubt not in score(tmp_path, "A dog\na dog\nit isn't a cat\n", capsys, output)
    (tmp_path / "other").write_text("It isn't a cat.\nA dog\na zebra\n")
    main(
        ["score", str(tmp_path / "T=4.out"), "--reference", *(str(tmp_path / name) for name in ("reference", "other"))]
    )
    assert doubt not in capsys.readouterr().out
