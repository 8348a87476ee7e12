"""Publishers' files of labelled texts in the shapes that they come in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from recipe_steps import EXAMPLES, run, stub

from fairseq_cmlm.formats import FORMATS
from fairseq_cmlm.formats.format import Part

SCRIPT = EXAMPLES / "classification" / "lay_out.py"
HEAD = "sentence\tlabel\n"


def lay_out(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(SCRIPT), str(folder), str(folder / "out"), *options]
    return subprocess.run(words, capture_output=True, text=True)


def rows(folder: Path, split: str) -> list[str]:
    head, *lines = (folder / "out" / f"{split}.tsv").read_text().splitlines(keepends=True)
    assert head == HEAD
    return lines


def test_three_files_are_taken_as_they_are(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.tsv").write_text(f"{HEAD}{split} \t1\na\t0\n")
    done = lay_out(tmp_path, "--target", "0=is bad", "--target", "1=is good")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "train.tsv: 2 rows\nvalid.tsv: 2 rows\ntest.tsv: 2 rows\nlabels.tsv: 2 rows\n"
    assert rows(tmp_path, "valid") == ["dev\t1\n", "a\t0\n"] and rows(tmp_path, "test") == ["test\t1\n", "a\t0\n"]
    assert (tmp_path / "out" / "labels.tsv").read_text() == "label\ttarget\n0\tis bad\n1\tis good\n"


def test_without_labels_of_the_test_the_other_set_is_the_test(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text(HEAD + "".join(f"{i}\t{i % 2}\n" for i in range(50)))
    (tmp_path / "dev.tsv").write_text(f"{HEAD}a\t1\n")
    (tmp_path / "test.tsv").write_text("index\tsentence\n0\tb\n")
    assert lay_out(tmp_path).returncode == 0
    assert rows(tmp_path, "test") == ["a\t1\n"]
    train, valid = rows(tmp_path, "train"), rows(tmp_path, "valid")
    assert len(valid) == 5 and sorted(train + valid) == sorted(f"{i}\t{i % 2}\n" for i in range(50))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "dev.tsv").write_text("a\t1\n" * 9)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes").write_text("mine")
    done = lay_out(tmp_path)
    assert done.returncode == 1 and "out is there already: remove it, or name another folder" in done.stderr
    assert (tmp_path / "out" / "notes").read_text() == "mine"


def test_one_file_is_split_by_text_and_seed(tmp_path: Path) -> None:
    (tmp_path / "dev.tsv").write_text("".join(f"{i % 90}\t{i % 3}\n" for i in range(200)))
    parts = []
    for seed in ("1", "1", "2"):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        assert lay_out(tmp_path, "--seed", seed).returncode == 0
        parts.append([rows(tmp_path, split) for split in ("train", "valid", "test")])
    assert parts[0] == parts[1] != parts[2]
    texts = [{line.split("\t")[0] for line in part} for part in parts[0]]
    assert [len(one) for one in texts] == [72, 9, 9] and len(set.union(*texts)) == 90


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "should hold train.tsv"),
        ({"train.tsv": "a\t1\nb\n"}, "line 2 of .*train.tsv has 1 columns and should have 2"),
        ({"dev.tsv": "a\t1\n", "test.tsv": "a\t1\n"}, "should hold train.tsv"),
        ({"dev.tsv": "caf\t1\ncaf\udce9\t1\n"}, "line 2 of .*dev.tsv is not UTF-8"),
        ({"dev.tsv": f"{HEAD}a\t1\n \t1\n"}, "line 3 of .*dev.tsv has no text: leave the line out"),
        ({"dev.tsv": "a\t\n"}, "line 1 of .*dev.tsv has no label"),
        ({"train.tsv": "a\t1\n", "dev.tsv": "a\t1\n", "test.tsv": HEAD}, "test.tsv has no row: remove it"),
        ({"train.tsv": "a\t1\n", "test.tsv": "a\t1\n"}, "with labels, the first two, or one"),
        ({"dev.tsv": "a\t1\nb\t7\n"}, "line 2 of .*dev.tsv has the label '7', which is none of 0, 1"),
    ],
)
def test_other_folders_are_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content, errors="surrogateescape")
    done = lay_out(tmp_path, "--target", "0=is bad", "--target", "1=is good")
    assert done.returncode == 1 and not (tmp_path / "out").exists()
    assert message.replace(".*", "") in done.stderr or all(part in done.stderr for part in message.split(".*"))


def fetched(recipe: str, folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run the download of a recipe with a curl of the test's own."""
    stub(folder / "commands", "curl", script)
    path = f"{folder / 'commands'}:{os.environ['PATH']}"
    return run(EXAMPLES / recipe / "download.sh", folder / "raw", PATH=path)


def test_the_text_of_glue_is_checked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "SST-2.zip", "w") as archive:
        archive.writestr("SST-2/train.tsv", HEAD + "a \t1\n" * 67349)
        archive.writestr("SST-2/dev.tsv", HEAD + "a \t1\n" * 871)
    fetch = f"while [ $1 != --output ]; do shift; done; cp {tmp_path}/SST-2.zip $2"
    done = fetched("classification/sst2", tmp_path, fetch)
    assert done.returncode == 1 and "dev.tsv has 872 lines and should have 873" in done.stderr
    assert (tmp_path / "raw" / "train.tsv").exists() and not (tmp_path / "raw" / "dev.tsv").exists()


def test_news_become_lines_of_text_and_topic(tmp_path: Path) -> None:
    (tmp_path / "row").write_text('"4","A title","Some ""news"" of\nto\\day"\n')
    (tmp_path / "curl.py").write_text(
        "import sys\n"
        "number = 120000 if sys.argv[-1].endswith('train.csv') else 7600\n"
        f"sys.stdout.write(open({str(tmp_path / 'row')!r}).read() * number)\n"
    )
    done = fetched("classification/agnews", tmp_path, f'exec python {tmp_path}/curl.py "$@"')
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "raw" / "dev.tsv").read_text().splitlines()
    assert len(text) == 7600 and set(text) == {'A title Some "news" of to day\tSci/Tech'}
    (tmp_path / "other").mkdir()
    done = fetched("classification/agnews", tmp_path / "other", "echo '5,a,b'")
    assert done.returncode == 1 and "row 1 is not number of a topic, title and text" in done.stderr


STORY = 'section,text\n1,"A ""cat""\n\nsat."\n2,It ran.\n3,It slept.\n'
ASKED = (
    "question_id,local-or-sum,cor_section,ex-or-im1,attribute1,attribute2,question,answer1,answer2,ex-or-im2,answer3\n"
    '1,summary,"1, 3",explicit,action,,What did it do?,sat,slept,implicit,sat\n'
)


def test_stories_and_questions_are_joined(tmp_path: Path) -> None:
    done = {}
    for number in (1007, 1006):
        with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
            for split, count in {"train": 8548, "val": 1025, "test": number}.items():
                top, asked = "top/data-by-train-split", ASKED + ASKED.splitlines(keepends=True)[1] * (count - 1)
                archive.writestr(f"{top}/section-stories/{split}/a-cat-story.csv", STORY)
                archive.writestr(f"{top}/questions/{split}/a-cat-questions.csv", asked)
        fetch = f"while [ $1 != --output ]; do shift; done; cp {tmp_path}/archive $2"
        (tmp_path / str(number)).mkdir()
        done[number] = fetched("question_answering", tmp_path / str(number), fetch)
    assert done[1007].returncode == 0, done[1007].stderr
    found = (tmp_path / "1007" / "raw" / "valid.tsv").read_text().splitlines()
    assert found[1] == 'a-cat\t1\taction\texplicit\tA "cat" sat. It slept.\tWhat did it do?\tsat\tsat ||| slept'
    (one, *_) = FORMATS["question_answering"].read(Part(tmp_path / "1007" / "raw", "test"))
    assert one.references == ("sat", "slept") and len(found) == 1026
    assert done[1006].returncode == 1 and "has 1006 questions and should have 1007" in done[1006].stderr
    assert not (tmp_path / "1006" / "raw" / "test.tsv").exists(), "the next try would take it for complete"


@pytest.mark.parametrize(
    ("story", "asked", "told"),
    [
        (STORY.replace("3,", "4,"), ASKED, "is about the sections '1, 3', and there are 1, 2, 4"),
        (STORY, ASKED.replace("1, 3", ""), "question 1 of train/a-questions.csv is about the sections ''"),
        (STORY, ASKED.replace("sat,slept,implicit,sat", ",,implicit,"), "train/a-questions.csv has no answer"),
        (STORY, ASKED.replace("cor_section", "part"), "has a file without the column 'cor_section'"),
        (STORY, f'{ASKED}2,local,"{"word " * 30000}', "cannot be read: field larger than field limit"),
        ("", ASKED, "and there are"),
        (None, ASKED, "No such file or directory"),
    ],
    ids=["no such section", "no section", "no answer", "no such column", "an open quote", "an empty file", "no story"],
)
def test_stories_of_another_shape_are_named(tmp_path: Path, story: str | None, asked: str, told: str) -> None:
    folder = tmp_path / "data-by-train-split"
    for kind, text in {"section-stories/train/a-story.csv": story, "questions/train/a-questions.csv": asked}.items():
        (folder / kind).parent.mkdir(parents=True)
        if text is not None:
            (folder / kind).write_text(text)
    script = EXAMPLES / "question_answering" / "fairytales.py"
    done = subprocess.run([sys.executable, str(script), str(tmp_path), str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith(f"fairytales.py: the train part of {tmp_path} ")
    assert told in done.stderr and not (tmp_path / "train.tsv").exists()


def test_what_cannot_be_fetched_is_told() -> None:
    done = run(EXAMPLES / "documents" / "download.sh", "folder")
    assert done.returncode == 1 and "give the FOLDER of {train,valid}.{en,de,doc}" in done.stderr
