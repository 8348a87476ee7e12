"""The recipe for the paper's released models, on models of the same layout that the test writes."""

from __future__ import annotations

import os
import string
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Optional

import pytest
from fairseq_commands import by_sentence
from recipe_steps import stub

from fairseq_cmlm import Translator

sys.path.insert(0, str(Path(__file__).parent / "conversion"))
import released_forward
from released_layout import Layout, checkpoint, serialise, write

RECIPE = Path(__file__).parents[1] / "examples" / "released_checkpoints"
LAYOUT = Layout()
# The codes hold one merge, which no word of the text needs: each is split into its letters.
CODES = ["#version: 0.2", "z z</w>"]
WORDS = [*string.ascii_lowercase, *(f"{letter}@@" for letter in "abcdefghijklm"), "."]
SOURCE, TARGET = ["ab c d .", "mee e .", "f g h i"], ["x y z .", "lay .", "q"]
SUBWORDS = ["a@@ b c d .", "m@@ e@@ e e .", "f g h i"]


def run(script: str, *arguments: object, **settings: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "VENV": "active", "OMP_NUM_THREADS": "1", "OPTIONS": "--cpu --num-workers 0"}
    environment.update((name, str(value)) for name, value in settings.items())
    words = ["bash", str(RECIPE / script), *map(str, arguments)]
    return subprocess.run(words, env=environment, capture_output=True, text=True)


def release(folder: Path, source: str, target: str) -> Path:
    """A model of the released layout, with its dictionaries, in a folder of its archive."""
    state = checkpoint(LAYOUT, seed=5, half=True, optimizer=True)
    state["args"].source_lang, state["args"].target_lang = source, target
    inner = folder / f"maskPredict_{source}_{target}"
    write(inner, LAYOUT, serialise(state, legacy=True))
    for old in ("en", "de"):
        (inner / f"dict.{old}.txt").unlink()
    for language in (source, target):
        lines = (f"{word} {100 - number}\n" for number, word in enumerate(WORDS))
        (inner / f"dict.{language}.txt").write_text("".join(lines))
    return inner


def write_text(folder: Path, **files: list[str]) -> Path:
    """FOLDER/NAME with the lines of each `name`, whose underscore is the dot of the file's name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        (folder / name.replace("_", ".")).write_text("".join(f"{line}\n" for line in lines))
    return folder


def expected(iterations: int) -> dict[int, str]:
    """What the released code would print for SUBWORDS; as fairseq's commands do it, without <s>."""
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *WORDS]
    model = {name: value.float().double() for name, value in checkpoint(LAYOUT, seed=5, half=True)["model"].items()}
    found = {}
    for number, line in enumerate(SUBWORDS):
        sentence = [*(vocabulary.index(word) for word in line.split()), released_forward.EOS]
        tokens = released_forward.mask_predict(model, LAYOUT, sentence, iterations, candidates=5)
        text = " ".join(vocabulary[token] for token in tokens if vocabulary[token] not in ("<s>", "</s>"))
        found[number] = (text + " ").replace("@@ ", "").rstrip()
    return found


def translations(output: Path) -> dict[int, str]:
    return {number: lines[0].split("\t")[1] for number, lines in by_sentence(output.read_text())["H"].items()}


def figure(printed: str, iterations: int) -> Optional[str]:
    """The last column of the row of `iterations`."""
    rows = [line.split("|") for line in printed.splitlines() if line.startswith(f"| T={iterations} ")]
    return rows[0][-2].strip() if rows else None


def test_from_the_download_to_bleu(tmp_path: Path) -> None:
    inner = release(tmp_path / "archive", "en", "de")
    write_text(inner, code=CODES)
    with tarfile.open(tmp_path / "maskPredict_en_de.tar.gz", "w:gz") as archive:
        archive.add(inner, inner.name)
    text, work = write_text(tmp_path / "text", test_en=SOURCE, test_de=TARGET), tmp_path / "work"
    settings = {"TEXT": text, "MIRROR": f"file://{tmp_path}"}
    done = run("run.sh", "en_de", work, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    printed = [line.split()[0] for line in done.stdout.splitlines()[:5]]
    assert printed == ["fetching", "wrote", "read", "wrote", "wrote"]
    assert (work / "bpe" / "test.en").read_text().splitlines() == SUBWORDS
    for iterations, paper in ((4, "25.94"), (10, "27.03")):
        assert translations(work / "test" / f"T={iterations}.out") == expected(iterations)
        assert figure(done.stdout, iterations) == paper
    assert "tok:none" in done.stdout and "0.0% replaced" in done.stdout

    signature = Translator(work / "model" / "model.pt")._task.text.signature
    assert signature.startswith(
        "en-de|normalise:punctuation|tokenizer:moses-no-escape-no-dash-splits|subwords:subword-nmt"
    )

    again = run("run.sh", "en_de", work, **settings)
    table = done.stdout[done.stdout.index("| output ") :]
    assert again.returncode == 0 and again.stdout == table
    other = write_text(tmp_path / "other", test_en=SOURCE, test_de=TARGET)
    for pair, asked, result in (
        ("en_de", {"TEXT": other}, "data"),
        ("en_de", {"OPTIONS": "--cpu"}, "T=4.out"),
        ("de_en", {}, "released"),
    ):
        done = run("run.sh", pair, work, **{**settings, **asked})
        assert done.returncode == 1 and f"{result} was made with PAIR=en_de" in done.stderr
    done = run("run.sh", "en_de", work, inner, **settings)
    assert done.returncode == 1 and "model was made with PAIR=en_de RELEASED=" in done.stderr


def test_from_a_folder_and_text_in_subwords(tmp_path: Path) -> None:
    inner = release(tmp_path / "released", "zh", "en")
    text = write_text(
        tmp_path / "text", test_zh=SUBWORDS, test_en=["x y", "l@@ a y .", "q"], raw_en=["X y.", "Lay.", "q"]
    )
    work = tmp_path / "work"
    done = run("run.sh", "zh_en", work, inner, TEXT=text, SUBWORDS=1, ITERATIONS=2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fetching" not in done.stdout and "tok:13a" in done.stdout
    assert translations(work / "test" / "T=2.out") == expected(2)
    assert figure(done.stdout, 2) == "-", "the paper has none"
    assert (work / "raw" / "test.en").read_text() == "X y.\nLay.\nq\n"


@pytest.mark.parametrize("script", ["download.sh", "convert.sh", "prepare.sh", "translate.sh", "score.sh", "run.sh"])
def test_a_pair_without_a_released_model_is_named(tmp_path: Path, script: str) -> None:
    done = run(script, "en_fr", tmp_path, tmp_path, 4)
    assert done.returncode == 1 and f"{script}: 'en_fr' is none of en_de" in done.stderr


def test_several_checkpoints_must_be_told_apart(tmp_path: Path) -> None:
    inner = release(tmp_path, "en", "de")
    (inner / "other.pt").write_bytes(b"")
    done = run("convert.sh", "en_de", tmp_path, tmp_path / "work")
    assert done.returncode == 1 and "holds 2 checkpoints, not one: name it in CHECKPOINT" in done.stderr


@pytest.mark.parametrize(
    ("pair", "settings", "message"),
    [
        ("en_de", {}, "no one file of BPE codes in"),
        ("en_zh", {"CODES": "codes"}, "Chinese needs the authors' word segmentation"),
        ("zh_en", {"SUBWORDS": "1"}, "the paper scored zh_en on raw text"),
        ("en_ro", {"SUBWORDS": "1", "TEXT": ""}, "SUBWORDS=1 needs TEXT"),
    ],
)
def test_a_missing_text_or_code_is_named(tmp_path: Path, pair: str, settings: dict[str, str], message: str) -> None:
    source, target = pair.split("_")
    text = write_text(tmp_path / "text", **{f"test_{language}": SUBWORDS for language in (source, target)})
    model = write_text(tmp_path / "work" / "model", **{f"dict_{source}_txt": ["a 1"], f"dict_{target}_txt": ["a 1"]})
    (tmp_path / "released").mkdir()
    codes = {"CODES": write_text(tmp_path, codes=CODES) / "codes"} if "CODES" in settings else {}
    done = run("prepare.sh", pair, tmp_path / "released", model.parent, **{"TEXT": text, **settings, **codes})
    assert done.returncode == 1 and message in done.stderr
    assert not (tmp_path / "work" / "data").exists()


def test_options_of_the_translation_may_be_on_several_lines(tmp_path: Path) -> None:
    for name, script in (("fairseq-cmlm", "echo '/a b/plugin'"), ("fairseq-generate", 'printf "<%s>" "$@"')):
        stub(tmp_path / "commands", name, script)
    path = f"{tmp_path / 'commands'}:{os.environ['PATH']}"
    done = run("translate.sh", "en_de", tmp_path, 4, PATH=path, OPTIONS="--cpu\n--seed 3")
    assert done.returncode == 0, done.stderr
    given = (tmp_path / "test" / "T=4.out").read_text()
    assert "<--user-dir></a b/plugin>" in given and given.endswith("<--distributed-world-size><1><--cpu><--seed><3>")


def test_a_download_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    done = run("download.sh", "ro_en", tmp_path / "released", MIRROR=f"file://{tmp_path}")
    assert done.returncode != 0 and not (tmp_path / "released").exists()
