"""The recipes of tasks, each as a whole on made-up records, one of them interrupted."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Callable

import pytest
from recipe_steps import EXAMPLES, STEPS, environment, run, stub

from fairseq_cmlm import Translator
from fairseq_cmlm.formats import FORMATS
from fairseq_cmlm.formats.example import read_examples
from fairseq_cmlm.formats.format import Part

SIZES = " ".join(
    f"--{side}-layers 1 --{side}-embed-dim 32 --{side}-ffn-embed-dim 64 --{side}-attention-heads 2"
    for side in ("encoder", "decoder")
)
OPTIONS = f"{SIZES} --log-interval 1 --max-source-positions 90 --max-target-positions 90 --lr 1e-2"
SMALL = {
    **{"MERGES": "100", "SHARDS": "1", "AVERAGE": "1", "TOKENS": "512", "MAX_TOKENS": "512", "WARMUP": "4"},
    **{"TEACHER_UPDATES": "20", "UPDATES": "6", "SAVE_EVERY": "2", "ITERATIONS": "2", "ARCH": "cmlm_tiny"},
    **{"PRECISION": "float32", "MODELS": "raw", "DRAWS": "", "OPTIONS": OPTIONS, "TEACHER_OPTIONS": OPTIONS},
}
PEOPLE, TOWNS = ("Ada Stone", "Bo Lind", "Cy Vane", "Dora Hill"), ("Elm", "Oakton", "Pineford", "Ashby")
THINGS = ("Old Mill", "Red Barn", "Long Bridge", "High Tower")


def triples(person: str, town: str, thing: str) -> dict[str, str]:
    name = thing.replace(" ", "_")
    return {
        "triples": f'{name} | builtBy | {person.replace(" ", "_")} <T> {name} | locatedIn | "{town}"',
        "text": f"{person} built the {thing} of {town}. It stands there still.",
    }


def paraphrases(person: str, town: str, thing: str) -> dict[str, str]:
    return {"src": f"the {thing} of {town} was built by {person} .", "tgt": f"{person} built the {thing} of {town} ."}


def texts(person: str, town: str, thing: str) -> dict[str, str]:
    return {"text": f"{person} built the {thing} of {town}. It stands there still."}


BASELINES = {"data_to_text": "template", "paraphrase": "copy", "infilling": "frequent"}
RECIPES: dict[str, Callable[[str, str, str], dict[str, str]]] = {
    "data_to_text": triples,
    "paraphrase": paraphrases,
    "infilling": texts,
}


def write_records(folder: Path, record: Callable[[str, str, str], dict[str, str]]) -> Path:
    folder.mkdir()
    draw = random.Random(1)
    for split, number in (("train", 200), ("valid", 12)):
        made = [record(draw.choice(PEOPLE), draw.choice(TOWNS), draw.choice(THINGS)) for _ in range(number)]
        for ending in made[0]:
            (folder / f"{split}.{ending}").write_text("".join(f"{one[ending]}\n" for one in made))
    return folder


def interrupt_in_training(words: list[object], settings: dict[str, str], checkpoint: Path) -> None:
    started = subprocess.Popen(
        list(map(str, words)),
        env=settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while not checkpoint.exists():
        assert started.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_task_goes_from_records_to_its_table(recipe: str, tmp_path: Path) -> None:
    records, work = write_records(tmp_path / "records", RECIPES[recipe]), tmp_path / "work"
    slower, pooled, rescored = recipe == "paraphrase", recipe == "data_to_text", recipe == "infilling"
    name = "warm-mixed" if pooled else "raw"
    model = work / "source-target" / name
    settings = {**SMALL, "MODELS": name}
    settings |= {"TEACHER_UPDATES": "6", "UPDATES": "60", "DRAWS": "1 2"} if slower else {}
    # Updates enough that the few of a hybrid never take as much time, however busy the machine is.
    settings |= {"TEACHER_UPDATES": "60"} if rescored else {}
    ways = ["best", "T=2,pool-itself", "left-to-right"] if pooled else ["T=2,rescored-itself"] if rescored else []
    settings |= {"WAYS": " ".join(ways), "OPTIONS": f"{OPTIONS} --objective {'hybrid' if ways else 'cmlm'}"}
    if slower:
        words = ["bash", STEPS / "task.sh", recipe, work, records]
        interrupt_in_training(words, environment(**settings), model / "checkpoint_last.pt")
    done = run(STEPS / "task.sh", recipe, work, records, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (model / "train.log").read_text().count("Loaded checkpoint") == slower

    written, examples = read_examples(work / "text" / "valid.jsonl")
    results = json.loads((work / "results.json").read_text())
    assert written == results["format"] == recipe and results["examples"] == len(examples)
    assert results["systems"][:3] == [BASELINES[recipe], "teacher,beam=5", f"{name},T=2"]
    assert {f"{name},{way}" for way in ways} <= set(results["systems"])
    assert set(results["scores"]) == {*FORMATS[recipe].measures, "length_ratio"}
    assert all(score > 1 for score in results["scores"].get("perplexity", []))
    assert all(one["passes"] and one["seconds"] is not None for one in results["made"][1:])
    passes = dict(zip(results["systems"], (one["passes"] for one in results["made"])))
    assert passes[f"{name},T=2"] <= 2 < passes["teacher,beam=5"]
    assert (work / "results.md").read_text() in done.stdout
    card = (model / "README.md").read_text()
    assert f"| {name},T=2 | " in card and "teacher" not in card.partition("## Scores")[2]
    # The time of a teacher and its translations is worth more updates too.
    rivals = [f"{rival}-{name}" for rival in ("updates", "longer") if slower or pooled]
    assert {system for system in results["systems"] if system.startswith(("updates-", "longer-"))} == {
        f"{rival},beam=5" for rival in rivals
    }
    assert done.stdout.count("measured once") == 2 - len(rivals)
    for rival in rivals[:1]:
        updates = (work / "source-target" / rival / "training").read_text().split()[0]
        assert int(updates) == int(settings["UPDATES"]) + pooled * int(settings["TEACHER_UPDATES"])
    assert [one["outputs"] for one in results["draws"]] == [2] * slower
    if slower:
        logs = [(work / "source-target" / name / "train.log").read_text() for name in ("teacher", "longer-raw")]
        assert ["num_updates=7," in log for log in logs] == [False, True]
    if recipe == "infilling":
        kept = dict(zip(results["systems"], results["scores"]["kept"]))
        assert kept["raw,T=2,infill"] == kept["raw,T=2,rescored-itself,infill"] == kept["raw,T=2,sized"] == 100
        assert json.loads((work / "left_infilling" / "results.json").read_text())["systems"] == ["teacher,beam=5"]

    answers = FORMATS[recipe].answers(Translator(model / "averaged.pt", work / "data"), examples, iterations=2)
    assert len(answers) == len(examples) and all(map(str.strip, answers))


def test_a_folder_holds_the_text_of_one_cut(tmp_path: Path) -> None:
    records, work = write_records(tmp_path / "records", RECIPES["paraphrase"]), tmp_path / "work"
    (work / "text").mkdir(parents=True)
    (work / "text.options").write_text("CUT=6 SEED=1\n")
    done = run(STEPS / "task.sh", "paraphrase", work, records)
    assert done.returncode == 1 and "text was made with CUT=6 SEED=1, and CUT= SEED=1 is wanted" in done.stderr


def test_other_records_are_read_however_old_they_are(tmp_path: Path) -> None:
    records, work = write_records(tmp_path / "records", RECIPES["paraphrase"]), tmp_path / "work"
    other = shutil.copytree(records, tmp_path / "other")
    for file in other.iterdir():
        file.write_text("".join(f"other {line}" for line in file.read_text().splitlines(keepends=True)))
        os.utime(file, (0, 0))
    for folder in (records, other, other):
        done = run(STEPS / "task.sh", "paraphrase", work, folder, PREPARE="--nonsense")
        assert done.returncode == 2 and "--nonsense" in done.stderr  # behind the text
    assert "end   text" not in done.stdout, "the same again"
    sources = (work / "text" / "valid.source").read_text().splitlines()
    assert all(line.startswith("other ") for line in sources)


def test_a_task_is_no_recipe_of_translation(tmp_path: Path) -> None:
    done = run(STEPS / "run.sh", "paraphrase", "source-target", tmp_path)
    assert done.returncode == 1 and "'paraphrase' is of the format paraphrase: task.sh is for it" in done.stderr


def test_a_recipe_of_translation_is_no_task(tmp_path: Path) -> None:
    done = run(STEPS / "task.sh", "multi30k", tmp_path)
    assert done.returncode == 1 and "'multi30k' names no format: run.sh is for translation" in done.stderr


LINE = (
    "| INFO | train_inner | epoch 1: 1 / 9 loss=1, wps={ups}00, ups=9, wpb=100, num_updates={updates}, lr=1, wall=1\n"
)


def test_equal_training_counts_all_that_went_into_a_model(tmp_path: Path) -> None:
    """The teacher where it lent parameters or translations, and a model that another was begun from."""
    made = {"raw": "raw", "mixed": "mixed", "warm-raw": "warm-raw", "mine": "warm-raw", "new": "raw-from-mine"}
    shards = [tmp_path / "s-t" / "shards" / f"{i}-of-2.out.log" for i in range(2)]
    shards[0].parent.mkdir(parents=True)
    for shard in [*shards, shards[0].with_name("0-of-1.out.log")]:  # the last one of an earlier number
        shard.touch()
    (tmp_path / "denoise" / "s-t" / "raw").mkdir(parents=True)
    (tmp_path / "denoise" / "s-t" / "raw" / "train.log").touch()
    begun = {"denoised": f"--init-from {tmp_path}/denoise/s-t/raw/averaged.pt", "given": "--init-from elsewhere/x.pt"}
    others = {"denoised": "raw", "newer": "raw-from-raw", "newest": "raw-from-mixed", "given": "raw"}
    for name, model in {**made, **others}.items():
        (tmp_path / "s-t" / name).mkdir(parents=True)
        text = f"5\n{model}, ARCH=cmlm_tiny SEED=1, options: --lr 1 {begun.get(name, '')} --dropout 0\n"
        (tmp_path / "s-t" / name / "training").write_text(text)
    show = (
        'usage=; . "$1/recipe.sh"; SHARDS=2 work=$2 direction=s-t denoise=$2/denoise; eval "$(sed -n '
        '"/^learns_from_teacher()/p; /^logs_of() {/,/^}/p" "$1/task.sh")"; for name in "${@:3}"; do '
        'logs_of "$name" | sort -u | sed "s|^$2/||; s|^s-t/||; s|/train.log$||; s|shards/.-of-2.*|shards|" | '
        'paste -sd " "; '
        "done"
    )
    words = ["bash", "-c", show, "-", str(STEPS), str(tmp_path), *made, *others]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        *("raw", "mixed shards shards teacher", "teacher warm-raw", "mine teacher", "mine new teacher"),
        *("denoise/s-t/raw denoised", "newer raw", "mixed newest shards shards teacher", "given"),
    ]
    assert done.stderr.startswith("the time that went into elsewhere/x.pt, with which given began, is not counted")


def test_equal_updates_and_equal_time_are_counted_in_updates(tmp_path: Path) -> None:
    teacher, model, shard = (tmp_path / name for name in ("teacher.log", "model.log", "shard.log"))
    teacher.write_text(LINE.format(ups=2, updates=100) + LINE.format(ups=2, updates=200))
    # Interrupted, and done again from update 100, for a while beside other work.
    rates = ((1, 100), (1, 200), (0.1, 200), (0.5, 300))
    lines = [LINE.format(ups=ups, updates=updates) for ups, updates in rates]
    model.write_text("".join(lines))
    shard.write_text("INFO:x:Translated 2 sentences (9 tokens) in 50.0s (1 sentences/s, 6 tokens/s)\n")
    words = ["python", STEPS / "equal.py", teacher, model, shard]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True)
    assert done.stdout == "300 700\n"
    model.write_text("nothing")
    done = subprocess.run(list(map(str, [*words[:2], model, teacher])), capture_output=True, text=True)
    assert done.returncode == 1 and f"equal.py: {model} tells no updates a second" in done.stderr


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_settings_of_a_recipe_name_a_format(recipe: str) -> None:
    show = 'usage=; . "$1/steps/recipe.sh"; settings "$2"; echo "$format $source $target ${compared:-infilling}"'
    done = subprocess.run(["bash", "-c", show, "-", str(EXAMPLES), recipe], capture_output=True, text=True, check=True)
    name, source, target, compared = done.stdout.split()
    assert name in FORMATS and compared in FORMATS and (source, target) == ("source", "target")


def test_triples_are_taken_from_the_publishers_xml(tmp_path: Path) -> None:
    texts = "".join(f"<lex>text {number}\n</lex>" for number in range(18101))
    triple = "<mtriple>A_b | c | &quot;D\u00e9&quot;</mtriple>"
    entry = f"<entry><originaltripleset><otriple>x</otriple></originaltripleset><modifiedtripleset>{triple}{triple}"
    for number in (1, 2):
        with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
            for split, lexes in (
                ("train", f"{texts}<lex>{'last' * (number - 1)}</lex>"),
                ("dev", "<lex>one</lex><lex/>"),
            ):
                content = f"<benchmark><entries>{entry}</modifiedtripleset>{lexes}</entry></entries></benchmark>"
                archive.writestr(f"top/webnlg_challenge_2017/{split}/1triples/a.xml", content)
        done = run_download("data_to_text", tmp_path, f'cp {tmp_path}/archive "${{@: -2:1}}"')
        assert (done.returncode == 0) == (number == 2), done.stderr
        assert number == 2 or "has 18101 texts in /webnlg_challenge_2017/train/ and should have 18102" in done.stderr
    assert (tmp_path / "records" / "valid.triples").read_text() == 'A_b | c | "D\u00e9" <T> A_b | c | "D\u00e9"\n'
    assert (tmp_path / "records" / "train.text").read_text().endswith("text 18100\nlast\n")
    (one,) = FORMATS["data_to_text"].read(Part(tmp_path / "records", "valid"))
    assert one.references == ("one",)


def run_download(recipe: str, folder: Path, curl: str) -> subprocess.CompletedProcess[str]:
    stub(folder / "commands", "curl", curl)
    path = f"{folder / 'commands'}:{os.environ['PATH']}"
    return run(EXAMPLES / recipe / "download.sh", folder / "records", PATH=path)


def test_paraphrases_are_downloaded_once_and_counted(tmp_path: Path) -> None:
    lines = 'case "$*" in */train/*) N=28883 ;; */val/*) N=2753 ;; *) N=2345 ;; esac'
    fetch = f'{lines}; echo "$*" >> {tmp_path}/log; for ((i = 0; i < N; i++)); do echo a line; done'
    done = run_download("paraphrase", tmp_path, fetch.replace("N=2345", "N=9"))
    assert done.returncode == 1 and "test.src has 9 lines and should have 2345" in done.stderr
    assert run_download("paraphrase", tmp_path, fetch).returncode == 0
    assert run_download("paraphrase", tmp_path, fetch).returncode == 0
    asked = (tmp_path / "log").read_text().splitlines()
    assert len(asked) == 7 and all("dqxiu/ParaSCI" in line for line in asked)
    done = run(EXAMPLES / "infilling" / "download.sh", tmp_path)
    assert done.returncode == 1 and "infilling takes any text: give a folder" in done.stderr
