"""The recipe of documents as a whole, on made-up pages, interrupted in the training of the CMLM."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from recipe_steps import EXAMPLES, STEPS, environment, run

from fairseq_cmlm.text.pipeline_file import read_pipeline

SIZES = " ".join(
    f"--{side}-layers 1 --{side}-embed-dim 32 --{side}-ffn-embed-dim 64 --{side}-attention-heads 2"
    for side in ("encoder", "decoder")
)
OPTIONS = f"{SIZES} --log-interval 1 --max-source-positions 90 --max-target-positions 90 --lr 1e-2"
SMALL = {
    **{"MERGES": "60", "AVERAGE": "2", "TOKENS": "1024", "MAX_TOKENS": "1024", "WARMUP": "4", "SAVE_EVERY": "4"},
    **{"TEACHER_UPDATES": "8", "UPDATES": "12", "ITERATIONS": "2", "PRECISION": "float32", "WINDOW": "80"},
    **{"OPTIONS": OPTIONS, "TEACHER_OPTIONS": OPTIONS},
}
WORDS = {"file": "Datei", "page": "Seite", "open": "öffnen", "close": "schließen", "new": "neu", "menu": "Menü"}


def pages(folder: Path, splits: tuple[tuple[str, int], ...] = (("train", 200), ("valid", 8))) -> Path:
    """Pages of up to twelve paragraphs, translated word by word."""
    folder.mkdir()
    draw = random.Random(1)
    for split, size in splits:
        lines = [
            (f"{split}{number}", draw.choices(list(WORDS), k=draw.randint(2, 6)))
            for number in range(size)
            for _ in range(draw.randint(1, 12))
        ]
        texts = {
            "doc": [name for name, _ in lines],
            "en": [" ".join(words) for _, words in lines],
            "de": [" ".join(map(WORDS.__getitem__, words)) for _, words in lines],
        }
        for ending, text in texts.items():
            (folder / f"{split}.{ending}").write_text("".join(f"{line}\n" for line in text))
    return folder


@pytest.mark.slow
def test_documents_go_from_files_to_the_table_after_an_interruption(tmp_path: Path) -> None:
    work, folder = tmp_path / "work", tmp_path / "work" / "source-target"
    words = ["bash", str(STEPS / "task.sh"), "documents", str(work), str(pages(tmp_path / "records"))]
    settings = environment(**SMALL)
    started = subprocess.Popen(words, env=settings, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 600
    while not (folder / "warm-raw" / "checkpoint_last.pt").exists():
        assert started.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()

    done = subprocess.run(words, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "warm-raw" / "train.log").read_text().count("Loaded checkpoint") == 1
    steps = [line.split()[2:] for line in (work / "steps.log").read_text().splitlines()]
    ended, begun = (Counter(result for kind, result in steps if kind == which) for which in ("end", "begin"))
    assert set(ended.values()) == {1} and begun == ended + Counter({"source-target/warm-raw": 1})

    sides = read_pipeline(work / "data" / "text.json").sides
    assert [sides[side].language for side in ("source", "target")] == ["en", "de"]
    results = json.loads((work / "results.json").read_text())
    assert all(one["text"].startswith("en-de|") for one in results["made"][1:])
    assert results["format"] == "documents" and results["examples"] == 8
    ways = ("windows", "blocks", "paragraphs")
    expected = ["copy", "teacher,beam=5,windows", "teacher,beam=5,paragraphs", *(f"warm-raw,T=2,{way}" for way in ways)]
    assert results["systems"][:6] == expected
    assert set(results["scores"]) == {"document_bleu", "document_chrf", "terms", "length_ratio"}
    assert all(score is not None for scores in results["scores"].values() for score in scores)
    passes = dict(zip(results["systems"], (one["passes"] for one in results["made"])))
    assert passes["warm-raw,T=2,windows"] < passes["warm-raw,T=2,blocks"] <= passes["warm-raw,T=2,paragraphs"]
    assert "|longest:80|" in results["made"][1]["decoding"]
    assert (work / "results.md").read_text() in done.stdout
    table = run_tasks(work)
    assert "| work | 8 | document BLEU | warm-raw,blocks | " in table


def run_tasks(work: Path) -> str:
    words = ["fairseq-cmlm", "tasks", str(work)]
    return subprocess.run(words, env=environment(), capture_output=True, text=True, check=True).stdout


def test_a_split_that_lacks_a_file_is_named(tmp_path: Path) -> None:
    folder = pages(tmp_path / "records", (("train", 2), ("valid", 1), ("test", 1)))
    words = ["python", str(EXAMPLES / "documents" / "lay_out.py"), str(folder), str(tmp_path / "out"), "--languages"]
    done = subprocess.run([*words, "en", "de"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert names == sorted(
        f"{split}.{end}" for split in ("train", "valid", "test") for end in ("source", "target", "doc")
    )
    assert (tmp_path / "out" / "valid.target").read_text() == (folder / "valid.de").read_text()
    (folder / "test.doc").unlink()
    done = subprocess.run([*words, "de", "en"], capture_output=True, text=True)
    assert done.returncode == 1 and "test.doc is missing: a split has de, en, doc" in done.stderr


def test_the_records_are_given() -> None:
    done = run(EXAMPLES / "documents" / "download.sh", "folder")
    assert done.returncode == 1 and "give the FOLDER of {train,valid}.{en,de,doc}" in done.stderr
