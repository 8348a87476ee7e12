"""The recipes in examples/ and their steps: text, downloads, commands of training, and one of them as a whole."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from recipe_steps import EXAMPLES, STEPS, environment, run, run_two, stub

from fairseq_cmlm import Translator
from fairseq_cmlm.text.pipeline_file import read_pipeline

RECIPES = {"wmt14_en_de": "de", "wmt16_en_ro": "ro", "wmt17_en_zh": "zh"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["wmt15", "en-de", "WORK", "raw"], "there is no recipe 'wmt15'"),
        (["wmt14_en_de", "en-ro", "WORK", "raw"], "'en-ro' of wmt14_en_de is neither en-de nor de-en"),
        (
            ["wmt14_en_de", "en-de", "WORK", "both"],
            "'both' is none of teacher, raw, distilled, mixed, interpolated, warm-raw and so on, raw-from-NAME",
        ),
        (["wmt14_en_de", "en-de", "WORK", "distilled"], "en-de/distilled-data is missing: run distill.sh first"),
        (["wmt14_en_de", "en-de", "WORK", "warm-raw"], "en-de/teacher/averaged.pt is missing: run average.sh"),
        (["wmt14_en_de", "en-de", "WORK", "raw-from-x"], "en-de/x/averaged.pt is missing: run average.sh"),
        (["wmt14_en_de", "en-de", "WORK", "warm-raw-from-x"], "begins with the teacher: leave out -from-x, or warm-"),
        (["wmt14_en_de", "en-de"], "usage: train.sh"),
    ],
)
def test_a_wrong_word_is_named(tmp_path: Path, arguments: list[str], message: str) -> None:
    arguments = [word.replace("WORK", str(tmp_path)) for word in arguments]
    done = run(STEPS / "train.sh", *arguments)
    assert done.returncode != 0 and message in done.stderr


@pytest.mark.parametrize(
    ("settings", "launcher", "update_freq", "tokens"),
    [
        ({"GPUS": "0"}, "fairseq-train", 16, 131072),
        ({"GPUS": "1"}, "fairseq-train", 16, 131072),
        ({"GPUS": "8"}, "torchrun --standalone --nproc-per-node 8", 2, 131072),
        ({"GPUS": "8", "MAX_TOKENS": "4096"}, "torchrun --standalone --nproc-per-node 8", 4, 131072),
        ({"SLURM_NNODES": "2", "SLURM_NTASKS": "16", "SLURM_JOB_ID": "40007"}, "srun --kill", 1, 131072),
        ({"GPUS": "1", "MAX_TOKENS": "6000", "TOKENS": "10000"}, "fairseq-train", 2, 12000),
        ({"GPUS": "1", "TOKENS": "100"}, "fairseq-train", 1, 8192),
    ],
)
def test_the_batch_is_worked_out_for_the_hardware(
    tmp_path: Path, settings: dict[str, str], launcher: str, update_freq: int, tokens: int
) -> None:
    commands = tmp_path / "commands"
    for name in ("fairseq-train", "torchrun", "srun"):
        stub(commands, name, f'echo {name} "$@"')
    (tmp_path / "data").mkdir()
    settings = {"PATH": f"{commands}:{os.environ['PATH']}", "PLUGIN": "plugin", "UPDATES": "7", **settings}
    done = run(STEPS / "train.sh", "wmt14_en_de", "de-en", tmp_path, "raw", **settings)
    assert done.returncode == 0, done.stderr
    assert f"7 updates of {tokens} tokens" in done.stdout
    command = (tmp_path / "de-en" / "raw" / "train.log").read_text()
    assert command.startswith(launcher) and f" --update-freq {update_freq} " in command
    assert " -s de -t en " in command and " --max-update 7 " in command
    world = re.search(r"--distributed-world-size (\d+)", command)
    gpus = int(settings.get("SLURM_NTASKS") or settings["GPUS"])
    assert world is None if gpus == 0 else world is not None and int(world[1]) == gpus
    assert ("--cpu" in command, "--training-dtype bfloat16" in command) == (gpus == 0, gpus > 0)
    assert ("--training-dtype float32" in command) == (gpus == 0)
    assert ("--distributed-port 20007" in command) == ("SLURM_JOB_ID" in settings)


def test_no_training_goes_on_with_other_data(tmp_path: Path) -> None:
    stub(tmp_path / "commands", "fairseq-train", "echo trained")
    settings = {"PATH": f"{tmp_path / 'commands'}:{os.environ['PATH']}", "PLUGIN": "plugin", "UPDATES": "7"}
    folder = tmp_path / "en-de" / "raw"
    folder.mkdir(parents=True)
    (folder / "checkpoint_last.pt").touch()
    (tmp_path / "data").mkdir()
    os.utime(tmp_path / "data", (time.time() + 9,) * 2)
    done = run(STEPS / "train.sh", "wmt14_en_de", "en-de", tmp_path, "raw", **settings)
    assert done.returncode == 1 and "data is newer than the training" in done.stderr
    os.utime(tmp_path / "data", (0, 0))
    assert run(STEPS / "train.sh", "wmt14_en_de", "en-de", tmp_path, "raw", **settings).returncode == 0
    again = run(STEPS / "train.sh", "wmt14_en_de", "en-de", tmp_path, "raw", **settings)
    assert again.returncode == 0 and again.stdout == ""


@pytest.mark.parametrize(
    ("gpus", "option", "devices"),
    [
        ({"GPUS": "0"}, "--cpu", ["unset", "unset", "unset"]),
        ({"GPUS": "2"}, "--fp16", ["0", "unset", "0"]),
        ({"GPUS": "", "CUDA_VISIBLE_DEVICES": "2,3"}, "--fp16", ["2", "2,3", "2"]),
        ({"GPUS": "", "CUDA_VISIBLE_DEVICES": ""}, "--cpu", ["", "", ""]),
    ],
)
def test_the_distillation_repeats_only_the_shard_that_failed(
    tmp_path: Path, gpus: dict[str, str], option: str, devices: list[str]
) -> None:
    work, commands = tmp_path / "work", tmp_path / "commands"
    shards = work / "en-de" / "shards"
    for file, content in (
        ("bpe/train.en", "a\nb\nc\nd\n"),
        ("bpe/train.de", "a\nb\nc\nd\n"),
        ("data/train.en-de.en.bin", ""),
        ("en-de/teacher/averaged.pt", ""),
        ("data/dict.en.txt", ""),
        ("data/text.json", "{}"),
    ):
        (work / file).parent.mkdir(parents=True, exist_ok=True)
        (work / file).write_text(content)
    stub(
        commands,
        "fairseq-generate",
        f"""given="${{CUDA_VISIBLE_DEVICES-unset}} $*"
        while [ "$1" != --distributed-world-size ]; do shift; done
        [ "$4" != 1 ] || [ -e {tmp_path}/mended ] || {{ echo out of memory >&2; exit 3; }}
        echo "device $given"
        for ((i = $4; i < 4; i += $2)); do
            text=$(sed -n "$((i + 1))p" {work}/bpe/train.en)
            printf 'S-%d\\t%s\\nH-%d\\t-1\\t%s@@ x\\nD-%d\\t-1\\t%sx\\n' $i $text $i $text $i $text
        done
        echo 'Generate train with beam=5: '""",
    )
    stub(commands, "fairseq-preprocess", 'mkdir "${!#}"')
    stub(commands, "nvidia-smi", 'for i in {0..7}; do echo "GPU $i: NVIDIA H100 (UUID: GPU-$i)"; done')
    settings = {"PATH": f"{commands}:{os.environ['PATH']}", "PLUGIN": "plugin", "SHARDS": "3", **gpus}
    done = run(STEPS / "distill.sh", "wmt14_en_de", "en-de", work, **settings)
    assert done.returncode == 1 and "out of memory" in done.stderr and "1-of-3.out.log" in done.stderr
    assert "shards are missing" in done.stderr
    assert (shards / "0-of-3.out").exists() and not (shards / "1-of-3.out").exists()
    (tmp_path / "mended").touch()
    assert run(STEPS / "distill.sh", "wmt14_en_de", "en-de", work, "1", **settings).returncode == 0
    assert not (work / "en-de" / "distilled-text").exists()
    assert run(STEPS / "distill.sh", "wmt14_en_de", "en-de", work, **settings).returncode == 0
    assert (work / "en-de" / "distilled-text" / "train.de").read_text() == "a@@ x\nb@@ x\nc@@ x\nd@@ x\n"
    assert (work / "en-de" / "distilled-data" / "text.json").read_text() == "{}"
    ended = Counter(line.split()[3] for line in (work / "steps.log").read_text().splitlines() if " end " in line)
    assert set(ended.values()) == {1} and len(ended) == 6
    mixed = work / "en-de" / "mixed-data"
    assert (mixed / "train1.en-de.en.bin").resolve() == work / "data" / "train.en-de.en.bin"
    assert (mixed / "text.json").read_text() == "{}"
    # Shard 1 was made by itself.
    for shard, device in enumerate(devices):
        given = (shards / f"{shard}-of-3.out").read_text().splitlines()[0]
        assert given.startswith(f"device {device} {work}/data ")
        assert [word for word in given.split() if word in ("--cpu", "--fp16")] == [option]
    # Several hypotheses are another decoding; what was made of the first one stays.
    assert run(STEPS / "distill.sh", "wmt14_en_de", "en-de", work, **settings, NBEST="2").returncode == 0
    assert "--nbest 2 " in (shards / "0-of-3,nbest=2.out").read_text().splitlines()[0]
    assert (work / "en-de" / "interpolated-text" / "train.de").exists()
    assert (work / "en-de" / "interpolated-data" / "text.json").exists()
    assert (work / "steps.log").read_text().count(" end   en-de/distilled-text") == 1


@pytest.fixture
def publisher(tmp_path: Path) -> Path:
    """A recipe in a copy of the examples, whose publishers' archives lie in a folder."""
    folder = tmp_path / "publisher"
    folder.mkdir()
    with tarfile.open(folder / "first.tgz", "w:gz") as archive:
        for name, lines in (("x/a.en", b"one\ntwo\n"), ("x/a.de", b"eins\nzwei\n")):
            member = tarfile.TarInfo(name)
            member.size = len(lines)
            archive.addfile(member, io.BytesIO(lines))
    with zipfile.ZipFile(folder / "second.zip", "w") as archive:
        for name, lines in (
            ("b_2_en.txt", "four\n"),
            ("b_1_en.txt", "three\n"),
            ("b_1_cn.txt", "drei\n"),
            ("b_2_cn.txt", "vier\n"),
        ):
            archive.writestr(name, lines)
    content = (folder / "first.tgz").read_bytes()
    (folder / "first.tgz.00").write_bytes(content[:50])
    (folder / "first.tgz.01").write_bytes(content[50:])
    shutil.copytree(STEPS, tmp_path / "examples" / "steps")
    recipe = tmp_path / "examples" / "tiny"
    recipe.mkdir()
    (recipe / "settings.sh").write_text(f"""foreign=de
archives=(
    "first.tgz.00 {hashlib.sha1(content[:50]).hexdigest()} file://{folder}/first.tgz.00"
    "first.tgz.01 {hashlib.sha256(content[50:]).hexdigest()} file://{folder}/first.tgz.01"
    "second.zip - file://{folder}/second.zip"
)
manual=("third.zip - http://by.hand")
corpora=("first.tgz.00+first.tgz.01 2 x/a.en x/a.de" "second.zip - *_en.txt *_c[hn].txt" "third.zip - *.en *.de")
valid_set="dev 1" test_set="new 1"
""")
    stub(tmp_path, "sacrebleu", 'echo "$2 $4 $6"')
    return tmp_path


def download(publisher: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    settings = {"PATH": f"{publisher}:{os.environ['PATH']}", **settings}
    return run(publisher / "examples" / "steps" / "download.sh", "tiny", publisher / "work", **settings)


def test_a_download_is_checked_and_done_once(publisher: Path) -> None:
    done = download(publisher)
    assert done.returncode == 1 and "third.zip must be fetched by hand (http://by.hand)" in done.stderr
    done = download(publisher, MANUAL="skip")
    assert done.returncode == 0, done.stderr
    text = publisher / "work" / "text"
    assert (text / "train.en").read_text() == "one\ntwo\nthree\nfour\n"
    assert (text / "train.de").read_text() == "eins\nzwei\ndrei\nvier\n"
    assert (text / "valid.en").read_text() == "dev en-de src\n" and (text / "test.de").read_text() == "new en-de ref\n"
    again = download(publisher, MANUAL="skip")
    assert again.returncode == 0 and again.stdout == "leaving out third.zip\n"


def test_two_downloads_at_once_fetch_an_archive_once(publisher: Path) -> None:
    stub(publisher, "curl", f'echo "${{!#}}" >> {publisher}/fetched; sleep 0.5; exec {shutil.which("curl")} "$@"')
    settings = {"PATH": f"{publisher}:{os.environ['PATH']}", "MANUAL": "skip"}
    both = run_two(publisher / "examples" / "steps" / "download.sh", "tiny", publisher / "work", **settings)
    assert [done.returncode for done in both] == [0, 0], both
    fetched = (publisher / "fetched").read_text().split()
    assert len(fetched) == 3 and len(set(fetched)) == 3
    assert (publisher / "work" / "text" / "train.en").read_text() == "one\ntwo\nthree\nfour\n"


def test_a_changed_archive_is_refused(publisher: Path) -> None:
    whole = (publisher / "publisher" / "first.tgz.00").read_bytes()
    (publisher / "publisher" / "first.tgz.00").write_bytes(b"other")
    done = download(publisher, MANUAL="skip")
    assert done.returncode == 1 and "first.tgz.00 has the checksum" in done.stderr
    (publisher / "work" / "archives" / "first.tgz.00").write_bytes(whole)
    assert download(publisher, MANUAL="skip").returncode == 0
    # What no checksum was known for is held to what was seen first.
    archive = publisher / "work" / "archives" / "second.zip"
    archive.write_bytes(archive.read_bytes() + b"more")
    archive.with_name("second.zip.checked").unlink()
    done = download(publisher, MANUAL="skip")
    assert done.returncode == 1 and "second.zip has the checksum" in done.stderr


def test_a_corpus_of_another_number_of_lines_is_refused(publisher: Path) -> None:
    settings = publisher / "examples" / "tiny" / "settings.sh"
    settings.write_text(settings.read_text().replace("first.tgz.01 2 x/a.en", "first.tgz.01 3 x/a.en"))
    done = download(publisher, MANUAL="skip")
    assert done.returncode == 1 and "has 2 lines and should have 3" in done.stderr
    assert not (publisher / "work" / "text" / "train.en").exists()


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_settings_of_a_recipe_fit_together(recipe: str) -> None:
    show = """
        usage=; . "$1/steps/recipe.sh"; settings "$2"
        printf 'corpus %s\\n' "${corpora[@]}"; printf 'archive %s\\n' "${archives[@]}" "${manual[@]}"
        printf 'figure %s\\n' "${!paper[@]}"; echo "foreign $foreign"
    """
    words = ["bash", "-c", show, "-", str(EXAMPLES), recipe]
    lines = [
        line.split() for line in subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    ]
    archives = {words[1]: words[2] for words in lines if words[0] == "archive" and len(words) > 1}
    corpora = [words[1:] for words in lines if words[0] == "corpus"]
    assert sorted(name for corpus in corpora for name in corpus[0].split("+")) == sorted(archives)
    assert all(len(corpus) == 4 for corpus in corpora)
    assert all(re.fullmatch(r"-|[0-9a-f]{40}|[0-9a-f]{64}", checksum) for checksum in archives.values())
    foreign = RECIPES[recipe]
    assert ["foreign", foreign] in lines
    for direction in (f"en-{foreign}", f"{foreign}-en"):
        for output in ("teacher,beam=5", "distilled,T=4", "distilled,T=10"):
            assert ["figure", direction, output] in lines


@pytest.mark.parametrize("settings", sorted(EXAMPLES.rglob("settings.sh")), ids=lambda path: path.parent.name)
def test_a_recipe_names_its_data_and_their_licence(settings: Path) -> None:
    name = str(settings.parent.relative_to(EXAMPLES)).removeprefix("wmt/")
    show = 'usage=; . "$1/steps/recipe.sh"; settings "$2"; echo "$data_name"; echo "$data_licence"'
    done = subprocess.run(["bash", "-c", show, "-", str(EXAMPLES), name], capture_output=True, text=True, check=True)
    assert all(done.stdout.splitlines()) and len(done.stdout.splitlines()) == 2


def test_a_card_is_written_for_each_model_that_was_scored(tmp_path: Path) -> None:
    stub(tmp_path / "commands", "fairseq-cmlm", 'printf "%s|" "$@"')
    for folder, model in (("teacher", "teacher"), ("mine", "mixed-from-x"), ("raw", "raw")):
        (tmp_path / "en-de" / folder).mkdir(parents=True)
        (tmp_path / "en-de" / folder / "averaged.pt").touch()
        (tmp_path / "en-de" / folder / "training").write_text(f"7\n{model}, ARCH=a\n")
    (tmp_path / "table").write_text("")
    outputs = ["test/teacher,beam=5.out", "test/mine,T=1.out", "test/mine,T=4.out", "test/linear.out"]
    settings = {"PATH": f"{tmp_path / 'commands'}:{os.environ['PATH']}"}
    done = run(STEPS / "card.sh", "multi30k", "en-de", tmp_path, tmp_path / "table", *outputs, **settings)
    assert done.returncode == 0, done.stderr
    work = tmp_path / "en-de"
    assert sorted(tmp_path.rglob("README*")) == [work / "mine" / "README.md", work / "teacher" / "README.md"]
    given = (work / "mine" / "README.md").read_text()
    assert f"card|{work}/mine/averaged.pt|--scores|{tmp_path}/table|--rows|mine|--training-data|Multi30k" in given
    assert "; both its own targets and the teacher's translations|--data-licence|its publisher states none|" in given


SMALL = {
    **{"MERGES": "100", "SHARDS": "2", "AVERAGE": "2", "TOKENS": "512", "MAX_TOKENS": "512", "WARMUP": "4"},
    **{"TEACHER_UPDATES": "8", "UPDATES": "24", "SAVE_EVERY": "4", "ITERATIONS": "2", "TEACHER": "transformer"},
    "ARCH": "cmlm_tiny",
}
SIZES = " ".join(
    f"--{side}-layers 1 --{side}-embed-dim 32 --{side}-ffn-embed-dim 64 --{side}-attention-heads 2"
    for side in ("encoder", "decoder")
)
OPTIONS = f"{SIZES} --log-interval 1 --max-source-positions 80 --max-target-positions 80"


@pytest.mark.slow
def test_a_whole_recipe_goes_on_after_an_interruption(text: Path, tmp_path: Path) -> None:
    raw, work = tmp_path / "raw", tmp_path / "work"
    a_small_text(text, raw)
    words = ["bash", EXAMPLES / "wmt" / "run.sh", "wmt14_en_de", "en-de", work, raw]
    settings = environment(**SMALL, OPTIONS=OPTIONS, TEACHER_OPTIONS=OPTIONS)
    started = subprocess.Popen(words, env=settings, stdout=subprocess.DEVNULL, start_new_session=True)
    student = work / "en-de" / "distilled"
    deadline = time.monotonic() + 300
    while not (student / "checkpoint_last.pt").exists():
        assert started.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    assert not (student / "24.done").exists()

    done = subprocess.run(words, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

    steps = [line.split()[2:] for line in (work / "steps.log").read_text().splitlines()]
    ended = Counter(result for kind, result in steps if kind == "end")
    begun = Counter(result for kind, result in steps if kind == "begin")
    assert set(ended.values()) == {1} and begun == ended + Counter({"en-de/distilled": 1})
    first, second = (student / "train.log").read_text().split("Loaded checkpoint")
    updates = [[int(n) for n in re.findall(r"train_inner .* num_updates=(\d+)", log)] for log in (first, second)]
    resumed = updates[1][0] - 1
    assert resumed % 4 == 0 and 4 <= resumed <= updates[0][-1]
    assert updates == [list(range(1, len(updates[0]) + 1)), list(range(resumed + 1, 25))]

    tokens, pieces = work / "tokens" / "train" / "en", work / "bpe" / "train.en"
    assert len(tokens.read_text().splitlines()) == 200
    assert pieces.read_text().replace("@@ ", "") == tokens.read_text()
    distilled = work / "en-de" / "distilled-text"
    assert (distilled / "train.en").read_text() == pieces.read_text()
    assert len((distilled / "train.de").read_text().splitlines()) == 200
    table = (work / "en-de" / "scores.md").read_text()
    assert done.stdout.endswith(table)
    assert "| BLEU | chrF | repeated tokens % | length ratio | tokenised BLEU | BLEU in the paper |" in table
    assert re.search(r"\| teacher,beam=5 \| [\d.]+ .* \| 28.60 \|", table)
    assert re.search(r"\| distilled,T=2 \| [\d.]+ .* \| - \|", table)
    assert "tok:13a" in table and "tok:none" in table
    card, own = (student / "README.md").read_text(), next(line for line in table.splitlines() if "distilled" in line)
    assert own in card and "teacher,beam=5" not in card and "the targets are the teacher's translations" in card
    assert "teacher,beam=5" in (student.parent / "teacher" / "README.md").read_text()
    pipeline = read_pipeline(work / "data" / "text.json")
    assert f"text {pipeline.signature}\n" in table, "teacher and student join text alike"
    assert [pipeline.source(line) for line in (raw / "test.en").read_text().splitlines()] == (
        (work / "bpe" / "test.en").read_text().splitlines()
    )
    assert Translator(student / "averaged.pt", work / "data")._task.text == pipeline


def a_small_text(text: Path, raw: Path) -> None:
    raw.mkdir()
    for split in ("train", "valid", "test"):
        for side, language in (("src", "en"), ("tgt", "de")):
            lines = (text / f"{split}.{side}").read_text().splitlines(keepends=True)[:200]
            (raw / f"{split}.{language}").write_text("".join(lines))


@pytest.mark.slow
def test_every_model_of_multi30k_both_directions_and_the_report(text: Path, tmp_path: Path) -> None:
    raw, work = tmp_path / "raw", tmp_path / "work"
    a_small_text(text, raw)
    # The lengths that an untrained model of fairseq's predicts must have positions.
    options = OPTIONS.replace("--max-target-positions 80", "--max-target-positions 300")
    small = {**SMALL, "ARCH": "cmlm_base", "UPDATES": "8", "OPTIONS": options, "TEACHER_OPTIONS": options}
    for direction, models in (
        ("en-de", "warm-distilled warm-raw mixed-from-warm-raw teacher-mixed"),
        ("de-en", "distilled raw fairseq"),
    ):
        done = run(STEPS / "run.sh", "multi30k", direction, work, raw, **small, MODELS=models)
        assert done.returncode == 0, done.stdout + done.stderr
        for model in ("teacher", *models.split()):
            assert f"| {model},{'beam=5' if model.startswith('teacher') else 'T=2'} | " in done.stdout
        assert "in the paper" not in done.stdout
    first = {"warm-distilled": "teacher/averaged.pt: transformer", "warm-raw": "teacher/averaged.pt: transformer"}
    first["mixed-from-warm-raw"] = "warm-raw/averaged.pt: cmlm_base"
    for model, begun in first.items():
        log = (work / "en-de" / model / "train.log").read_text()
        assert f"--init-from {work}/en-de/{begun} after 8 updates; taken: " in log
    rival = (work / "en-de" / "teacher-mixed" / "train.log").read_text()
    assert f"loading pretrained model from {work}/en-de/teacher/averaged.pt" in rival and "train1.en-de" in rival
    assert "| de-en/data |" not in done.stdout and (work / "data").is_dir()

    report = {**small, "REPORT": "--tables iterations comparison"}
    done = run(STEPS / "report.sh", "multi30k", "en-de", work, "warm-distilled", "warm-raw", **report)
    assert done.returncode == 0, done.stdout + done.stderr
    written = (work / "en-de" / "report" / "report.md").read_text()
    curves = (work / "en-de" / "report" / "curves.md").read_text()
    assert done.stdout.split() == [*written.split(), *curves.split()]
    assert "| updates | warm-distilled, BLEU | warm-raw, BLEU | warm-distilled, nll | warm-raw, nll |" in curves
    assert "| warm-distilled | 10 | 5 | " in written and "| autoregressive | - | 5 | " in written
    assert "warm-raw, BLEU" in written
    done = run(STEPS / "report.sh", "multi30k", "en-de", work, "distilled", **report)
    assert done.returncode == 1 and "en-de/distilled/averaged.pt is missing: run average.sh first" in done.stderr


def test_a_download_may_be_the_recipes_own(tmp_path: Path) -> None:
    fetch = "echo \"$*\" >> LOG; printf 'a line\\n%.0s' $(seq LINES) | gzip"
    lines = 'case "$*" in *train*) LINES=29000 ;; *val*) LINES=1014 ;; *) LINES=1000 ;; esac\n'
    fetch = lines + fetch.replace("LOG", f"{tmp_path}/log").replace("LINES", "$LINES")
    stub(tmp_path / "commands", "curl", fetch)
    settings = {"PATH": f"{tmp_path / 'commands'}:{os.environ['PATH']}"}
    done = run(STEPS / "download.sh", "multi30k", tmp_path / "work", **settings)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "work" / "text" / "train.de").read_text().splitlines()) == 29000
    asked = (tmp_path / "log").read_text().splitlines()
    assert len(asked) == 6 and all("multi30k/dataset" in line for line in asked)
    again = run(STEPS / "download.sh", "multi30k", tmp_path / "work", **settings)
    assert again.returncode == 0 and len((tmp_path / "log").read_text().splitlines()) == 6


@pytest.mark.parametrize(
    ("recipe", "settings", "options"),
    [
        ("multi30k", {}, "-t de --workers 1 --dictionary -1 --longest 80 --ratio 9 --merges 4000"),
        (
            "wmt16_en_ro",
            {"DIACRITICS": "strip", "MERGES": "9"},
            "-t ro --workers 1 --dictionary -1 --longest 80 --ratio 9 --strip-diacritics ro --merges 9",
        ),
        ("wmt17_en_zh", {}, "-t zh --workers 1 --dictionary -1 --longest 80 --ratio 3 --separate --merges 32000"),
    ],
)
def test_a_recipe_prepares_text_by_one_command(
    tmp_path: Path, recipe: str, settings: dict[str, str], options: str
) -> None:
    stub(
        tmp_path / "commands",
        "fairseq-cmlm",
        'mkdir "${!#}"; printf "%s " "$@" > "${!#}/given"; touch "${!#}/text.json"',
    )
    settings = {"PATH": f"{tmp_path / 'commands'}:{os.environ['PATH']}", **settings}
    foreign = {"multi30k": "de", **RECIPES}[recipe]
    text, work = tmp_path / "text", tmp_path / "work"
    text.mkdir()
    for split in ("train", "valid", "test"):
        for language in ("en", foreign):
            (text / f"{split}.{language}").write_text("a “line”\n")
    done = run(STEPS / "prepare.sh", recipe, work, text, **settings)
    assert done.returncode == 0, done.stderr
    given = (work / "data" / "given").read_text()
    assert given == f"prepare {text} {work} -s en {options} --destdir {work}/data.part "
    assert (work / "raw" / f"test.{foreign}").read_text() == "a “line”\n", "references stay as they are"
    assert run(STEPS / "prepare.sh", recipe, work, text, **settings).stdout == ""
    other = shutil.copytree(text, tmp_path / "other")
    for file in other.iterdir():
        file.write_text("another line\n")
        os.utime(file, (0, 0))  # as an archive or a copy keeps it
    done = run(STEPS / "prepare.sh", recipe, work, other, **settings)
    assert done.returncode == 0 and (work / "raw" / f"test.{foreign}").read_text() == "another line\n"
    assert (work / "data" / "given").read_text().startswith(f"prepare {other} ")
    (work / "data" / "text.json").unlink()
    done = run(STEPS / "prepare.sh", recipe, work, text, **settings)
    assert done.returncode == 1 and "data was prepared by an earlier version, without a text.json" in done.stderr


@pytest.mark.parametrize(("model", "given"), [("teacher", True), ("fairseq", True), ("raw", False)])
def test_models_of_fairseqs_tasks_are_told_how_text_is_prepared(tmp_path: Path, model: str, given: bool) -> None:
    stub(tmp_path / "commands", "fairseq-generate", 'echo "$*"')
    (tmp_path / "en-zh" / model).mkdir(parents=True)
    (tmp_path / "en-zh" / model / "averaged.pt").touch()
    settings = {"PATH": f"{tmp_path / 'commands'}:{os.environ['PATH']}", "PLUGIN": "plugin"}
    assert run(STEPS / "translate.sh", "wmt17_en_zh", "en-zh", tmp_path, model, 5, **settings).returncode == 0
    words = next((tmp_path / "en-zh" / "test").glob("*.out")).read_text()
    assert (f"--tokenizer text_pipeline --text-pipeline {tmp_path}/data/text.json" in words) == given
    assert "--bpe" not in words


def test_documents_of_the_help_are_held_out_with_what_is_not_learned(tmp_path: Path) -> None:
    text, output = tmp_path / "text", tmp_path / "output"
    text.mkdir()
    # The first paragraph of each page is the same; "1" has the same source and another translation.
    train = [(one, f"{one}{page if one == '1' else ''}", page) for page in "abc" for one in ("0", "1", page)]
    valid = [("0", "0", "d"), ("1", "1d", "d"), ("new", "new", "d")]
    for split, rows in (("train", train), ("valid", valid)):
        for place, ending in enumerate(("en", "de", "doc")):  # a last line without its end is a line
            (text / f"{split}.{ending}").write_text("\n".join(row[place] for row in rows))
    program = [sys.executable, str(STEPS.parent / "lohelp" / "hold_out.py"), str(text), str(output)]
    told = subprocess.run([*program, "1"], check=True, capture_output=True, text=True).stdout
    assert told == "valid: 2 pairs, without 1 that train has\ntest: 2 pairs, without 1 that train has\n"

    def written(split: str) -> list[tuple[str, ...]]:
        return list(zip(*((output / f"{split}.{ending}").read_text().splitlines() for ending in ("en", "de", "doc"))))

    (held,) = {name for *_, name in written("test")}
    assert written("train") == [row for row in train if row[-1] != held]
    assert written("test") == [("1", f"1{held}", held), (held, held, held)]
    assert written("valid") == valid[1:]
    (text / "train.de").write_text("de 0\n")
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 1 and "differ in their number of lines" in done.stderr
