"""The recipes of classification and question answering as a whole, on made-up records; one is interrupted."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from recipe_steps import STEPS, environment, run

SIZES = " ".join(
    f"--{side}-layers 1 --{side}-embed-dim 32 --{side}-ffn-embed-dim 64 --{side}-attention-heads 2"
    for side in ("encoder", "decoder")
)
OPTIONS = f"{SIZES} --log-interval 1 --max-source-positions 80 --max-target-positions 80"
SMALL = {
    **{"MERGES": "60", "AVERAGE": "2", "TOKENS": "1024", "MAX_TOKENS": "1024", "WARMUP": "4", "SAVE_EVERY": "4"},
    **{"TEACHER_UPDATES": "8", "UPDATES": "12", "DENOISE_UPDATES": "8", "ITERATIONS": "2", "PRECISION": "float32"},
    **{"OPTIONS": OPTIONS, "TEACHER_OPTIONS": OPTIONS},
}
WORDS = ["film", "story", "actor", "scene", "music", "plot", "song", "end"]


# Labels of AG News, and what tells them.
ADJECTIVES = {
    "World": ["fine", "great"],
    "Sports": ["dull", "bad"],
    "Business": ["long", "short"],
    "Sci/Tech": ["red", "blue"],
}


def news(folder: Path) -> None:
    """200 texts, as a single file without a head."""
    draw = random.Random(1)
    folder.mkdir()
    lines = []
    for number in range(200):
        label = list(ADJECTIVES)[number % 4]
        words = draw.sample(WORDS, draw.randint(1, 6))
        lines.append(f"{number} the {' '.join(words)} is {draw.choice(ADJECTIVES[label])} .\t{label}\n")
    (folder / "dev.tsv").write_text("".join(lines))


def stories(folder: Path) -> None:
    """200 questions about texts, 20 of which are for validation; there is no test."""
    draw = random.Random(1)
    folder.mkdir()
    head = "story\tid\tattribute\tkind\tcontext\tquestion\tanswer\tanswers\n"
    for split, size in (("train", 180), ("valid", 20)):
        rows = []
        for number in range(size):
            colours = {word: draw.choice(["red", "blue", "very old"]) for word in draw.sample(WORDS, 5)}
            context = " ".join(f"The {word} was {colour}." for word, colour in colours.items())
            word, colour = draw.choice(list(colours.items()))
            kind = ("explicit", "implicit")[number % 2]
            rows.append(f"s\t{number}\taction\t{kind}\t{context}\tHow was the {word}?\t{colour}\t{colour} ||| it\n")
        (folder / f"{split}.tsv").write_text(head + "".join(rows))


def answers_in(output: Path) -> list[str]:
    """The texts of an output."""
    return [line.split("\t")[2] for line in output.read_text().splitlines() if line[0] == "D"]


@pytest.mark.slow
def test_classification_goes_on_after_an_interruption(tmp_path: Path) -> None:
    news(tmp_path / "records")
    work = tmp_path / "work"
    words = ["bash", STEPS / "task.sh", "classification/agnews", work, tmp_path / "records"]
    settings = environment(**SMALL, MODELS="denoised")
    started = subprocess.Popen(words, env=settings, stdout=subprocess.DEVNULL, start_new_session=True)
    folder = work / "source-target"
    deadline = time.monotonic() + 600
    while not (folder / "denoised" / "checkpoint_last.pt").exists():
        assert started.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    assert not (folder / "denoised" / "12.done").exists()

    done = subprocess.run(words, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [line.split()[2:] for line in (work / "steps.log").read_text().splitlines()]
    ended = Counter(result for kind, result in steps if kind == "end")
    begun = Counter(result for kind, result in steps if kind == "begin")
    assert set(ended.values()) == {1} and begun == ended + Counter({"source-target/denoised": 1})

    log = (folder / "denoised" / "train.log").read_text()
    assert "denoise/source-target/raw/averaged.pt: cmlm_base after " in log and "taken: everything" in log
    table = (work / "results.md").read_text()
    assert done.stdout.endswith(table)
    rows = re.findall(r"^\| (\S+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", table, re.MULTILINE)
    names = [name for name, *_ in rows]
    assert names[:3] == ["linear", "teacher,labels", "denoised,labels"]
    results = json.loads((work / "results.json").read_text())
    assert results["examples"] == 20 and results["scores"]["accuracy"][0] == 100, "the linear model sees the adjectives"
    assert all(score is not None for scores in results["scores"].values() for score in scores)
    assert "temperature" in (folder / "test" / "denoised,labels.out").read_text()
    assert (work / "denoise" / "text" / "train.source").read_text().count("␣") > 100


def reviews(folder: Path) -> None:
    """200 texts as GLUE has them: the test has no labels, so that dev.tsv is the test."""
    draw = random.Random(1)
    folder.mkdir()
    for split, size in (("train", 160), ("dev", 20), ("test", 20)):
        lines = ["sentence\tlabel\n" if split != "test" else "index\tsentence\n"]
        for number in range(size):
            text = f"{' '.join(draw.sample(WORDS, 3))} {number}"
            label = f"{text} is {('dull', 'fine')[number % 2]} .\t{number % 2}"
            lines.append(f"{number}\t{text}\n" if split == "test" else f"{label}\n")
        (folder / f"{split}.tsv").write_text("".join(lines))


@pytest.mark.slow
def test_reviews_go_from_the_publishers_files_to_the_table(tmp_path: Path) -> None:
    reviews(tmp_path / "records")
    work = tmp_path / "work"
    done = run(STEPS / "task.sh", "classification/sst2", work, tmp_path / "records", **SMALL, MODELS="raw")
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((work / "results.json").read_text())
    assert results["examples"] == 20 and {"linear", "teacher,labels", "raw,labels"} <= set(results["systems"])
    assert set((work / "text" / "test.target").read_text().split()) == {"bad", "good"}
    chosen = answers_in(work / "source-target/test/raw,labels.out")
    assert len(chosen) == 20 and set(chosen) <= {"bad", "good"}
    assert (work / "confusion.svg").exists()


@pytest.mark.slow
def test_questions_are_answered_by_generation_and_by_spans(tmp_path: Path) -> None:
    stories(tmp_path / "records")
    work = tmp_path / "work"
    settings = {**SMALL, "CUT": "20", "MODELS": "raw denoised", "DENOISE_TOKENS": "512"}
    done = run(STEPS / "task.sh", "question_answering", work, tmp_path / "records", **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    table = (work / "results.md").read_text()
    for name in ("sentence", "teacher,beam=5", "raw,spans", "raw,T=2", "denoised,spans", "denoised,T=2"):
        assert f"| {name} | " in table
    assert (
        "| 20 examples of valid | F1 | exact match % |" in table
        and "F1 by kind | explicit (10) | implicit (10) |" in table
    )
    log = (work / "text.log").read_text()
    assert "180 examples, 360 pairs, 180 sources cut after 20 words" in log
    results = json.loads((work / "results.json").read_text())
    assert results["made"][results["systems"].index("raw,spans")]["passes"] == 5
    spans = answers_in(work / "source-target/valid/raw,spans.out")
    sources = (work / "text" / "valid.source").read_text().splitlines()
    assert all(span and span in source for span, source in zip(spans, sources))
    # A model that has learned the sentences first, whose dictionary has all that a question and its text have.
    sentences = (work / "denoise" / "records" / "train.text").read_text().splitlines()
    assert all(re.fullmatch(r"The \w+ was [a-z ]+\.|How was the \w+\?", one) for one in sentences[:-1])
    assert "\n8 updates of 512 tokens: " in done.stdout
    assert "0.0% replaced" in (work / "data.log").read_text()
