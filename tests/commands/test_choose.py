"""Answers by a choice and without a network, as commands, and the table that is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from fairseq_commands import TEACHER, TINY, USER_DIR
from fairseq_commands import run as fairseq

from fairseq_cmlm.commands.main import main

SIDES = ("-s", "source", "-t", "target")


class Task(NamedTuple):
    """Examples of a format, and a masked and an autoregressive model that have learned a little of it."""

    text: Path
    masked: Path
    autoregressive: Path


def trained(folder: Path, name: str) -> Task:
    """Write the examples of the records in a folder, and train."""
    text, work = folder / "text", folder / "work"
    main(["format", name, str(folder), str(text)])
    plain = ["--language", "en", "--tokenizer", "none", "--whole-words", "--workers", "1"]
    main(["prepare", str(text), str(work), *SIDES, *plain, "--longest", "100", "--ratio", "100"])
    data, joined = work / "data", "--share-all-embeddings"
    masked = (*("--user-dir", USER_DIR, "--task", "translation_cmlm"), *TINY, "--lr", "1e-2")
    fairseq("train", data, *SIDES, *masked, joined, "--max-update", 40, "--save-dir", folder / "masked")
    fairseq("train", data, *SIDES, *TEACHER, joined, "--max-epoch", 2, "--save-dir", folder / "left")
    return Task(text, *(folder / name / "checkpoint_last.pt" for name in ("masked", "left")))


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = tmp_path_factory.mktemp("reviews")
    for split, size in (("train", 160), ("valid", 12), ("test", 20)):
        rows = [f"{('good', 'bad')[i % 2]}{' film' * (1 + i % 3)} {i % 7}\t{i % 2}\n" for i in range(size)]
        (folder / f"{split}.tsv").write_text("sentence\tlabel\n" + "".join(rows))
    (folder / "labels.tsv").write_text("label\ttarget\n0\tit is fine\n1\tit is so dull\n")
    return trained(folder, "classification")


def answered(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[str]:
    capsys.readouterr()
    main(list(map(str, arguments)))
    return capsys.readouterr().out.splitlines()


def test_labels_are_chosen_by_every_system_and_measured(reviews: Task, capsys: pytest.CaptureFixture[str]) -> None:
    test, folder = reviews.text / "test.jsonl", reviews.text.parent
    calibrated = (test, "--calibrate-on", reviews.text / "valid.jsonl")
    outputs = {
        "masked": answered(capsys, "choose", reviews.masked, *calibrated),
        "left": answered(capsys, "choose", reviews.autoregressive, *calibrated),
        "linear": answered(capsys, "baseline", *calibrated, "--train", reviews.text / "train.jsonl"),
    }
    for name, lines in outputs.items():
        (folder / f"{name}.out").write_text("\n".join(lines) + "\n")
        scores = [list(map(float, line.split("\t")[1].split())) for line in lines if line.startswith("L-")]
        texts = [line.split("\t")[2] for line in lines if line.startswith("D-")]
        assert len(scores) == 20 and all(len(row) == 2 and max(row) <= 0 for row in scores)
        assert texts == [("it is fine", "it is so dull")[row[1] > row[0]] for row in scores]
        assert sum(line.startswith("# temperature ") for line in lines) == 1
    files = [folder / f"{name}.out" for name in outputs]
    table = answered(capsys, "score", *files, "--examples", test, "--confusion", folder / "confusion.svg")
    assert table[0].startswith(
        "| 20 examples of test | accuracy % | macro-F1 | calibration error % | calibrated error % | temperature |"
    )
    assert table[2].startswith("| masked | 100.0 | 100.0 | ") and table[4].startswith("| linear | 100.0 | 100.0 | ")
    assert "| 1.0 | " in table[2] and "| 1.0 | " in table[3], "one pass over all labels"
    assert any(line.startswith("decoding of masked: likelihood of labels|version:") for line in table)


def test_spans_are_for_questions_and_a_temperature_for_labels(
    tmp_path: Path, reviews: Task, capsys: pytest.CaptureFixture[str]
) -> None:
    head = "story\tid\tattribute\tkind\tcontext\tquestion\tanswer\tanswers\n"
    row = "s\t1\ta\texplicit\ta good film film 3\twhich ?\tgood film\tgood film\n"
    (tmp_path / "test.tsv").write_text(head + row)
    main(["format", "question_answering", str(tmp_path), str(tmp_path / "text")])
    test = tmp_path / "text" / "test.jsonl"
    lines = answered(capsys, "choose", reviews.masked, test, "--longest", 2, "--passes", 1, "--lenpen", 0.5)
    assert lines[0].startswith("# decoding spans by log-likelihood|longest:2|kept:50|passes:1|lenpen:0.5|version:")
    (span,) = [line.split("\t")[2] for line in lines if line.startswith("D-")]
    assert span in "good film film 3"
    (simple,) = [line for line in answered(capsys, "baseline", test, "--train", test) if line.startswith("D-")]
    assert simple.endswith("\ta good film film 3")
    for command in (["choose", reviews.masked, test], ["baseline", test, "--train", test]):
        with pytest.raises(SystemExit, match=r"--calibrate-on .* is for classification"):
            main([*map(str, command), "--calibrate-on", str(test)])
    with pytest.raises(SystemExit, match="--kept 0 of a search among spans must be 1 or more"):
        main(["choose", str(reviews.masked), str(test), "--kept", "0"])
    with pytest.raises(
        SystemExit, match="has the format question_answering, and the other examples have classification"
    ):
        main(["baseline", str(reviews.text / "test.jsonl"), "--train", str(test)])


def test_what_cannot_be_answered_is_refused(tmp_path: Path, reviews: Task) -> None:
    examples = tmp_path / "test.jsonl"
    examples.write_text('{"format": "paraphrase", "examples": 1}\n{"source": "a", "references": ["b"]}\n')
    with pytest.raises(SystemExit, match="has the format paraphrase: a choice is made in classification and"):
        main(["choose", str(reviews.masked), str(examples)])
    examples.write_text('{"format": "left_infilling", "examples": 1}\n{"source": "a", "references": ["b"]}\n')
    with pytest.raises(SystemExit, match="has the format left_infilling: baselines are of data_to_text"):
        main(["baseline", str(examples), "--train", str(examples)])
    answers = ["choose", str(reviews.autoregressive), str(reviews.text / "test.jsonl")]
    for options, message in (
        (("--tokenizer", "moses"), "--tokenizer moses is not for the autoregressive"),
        (("--text-pipeline", "none"), "--text-pipeline none is not for the autoregressive"),
        (("--data", str(tmp_path)), r"dict\.source\.txt is missing: give the folder of its dictionaries as data"),
    ):
        with pytest.raises(SystemExit, match=message):
            main([*answers, *options])
    for option in ("--longest", "--kept", "--passes"):
        with pytest.raises(SystemExit, match=f"{option} 9 is for spans, and labels are chosen: leave it out"):
            main(["choose", str(reviews.masked), str(reviews.text / "test.jsonl"), option, "9"])
    test, copy, train = (reviews.text / f"{name}.jsonl" for name in ("test", "copy", "train"))
    copy.write_text(test.read_text())
    with pytest.raises(SystemExit, match=r"copy\.jsonl is the text that is answered"):
        main(["choose", str(reviews.masked), str(test), "--calibrate-on", str(copy)])
    with pytest.raises(SystemExit, match=r"test\.jsonl is the training text of --train .*copy\.jsonl: name another"):
        main(["baseline", str(test), "--train", str(copy)])
    with pytest.raises(SystemExit, match=r"--calibrate-on .*train\.jsonl is the training text of --train"):
        main(["baseline", str(test), "--train", str(train), "--calibrate-on", str(train)])
    examples.write_text('{"format": "classification", "examples": 1}\n{"source": "a", "references": ["b"]}\n')
    with pytest.raises(SystemExit, match="the examples have not all the same labels"):
        main(["choose", str(reviews.masked), str(examples)])
    dull = '["it is fine", "it is so dull"]'
    for references, labels, message in (
        ("[]", dull, "line 2 of {} has no reference: nothing can be learned from it"),
        ('["so"]', dull, "line 2 of {}: the reference so is none of its labels"),
        ('["b"]', '["b", "c"]', "{} has the labels b, c, and the examples that are answered have it is fine, it is so"),
    ):
        examples.write_text(
            '{"format": "classification", "examples": 1}\n'
            f'{{"source": "a", "references": {references}, "details": {{"labels": {labels}}}}}\n'
        )
        for command in (
            ["choose", str(reviews.masked), str(test), "--calibrate-on"],
            ["baseline", str(test), "--train"],
        ):
            with pytest.raises(SystemExit, match=message.format(r"\S+test\.jsonl")):
                main([*command, str(examples)])
    examples.write_text('{"format": "classification", "examples": 0}\n')
    with pytest.raises(SystemExit, match="has no example"):
        main(["choose", str(reviews.masked), str(examples)])
    long = {
        "source": "film " * 60,
        "references": ["it is fine"],
        "details": {"labels": ["it is fine", "it is so dull"]},
    }
    examples.write_text(f'{{"format": "classification", "examples": 1}}\n{str(long).replace(chr(39), chr(34))}\n')
    with pytest.raises(SystemExit, match=r"texts\[0\] has 61 tokens .* at most 40"):
        main(["choose", str(reviews.masked), str(examples)])
