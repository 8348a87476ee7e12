"""What all steps of the recipes in examples/ share: GPUs, options, folders, several runs at once, the environment."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from pathlib import Path

import pytest
from recipe_steps import EXAMPLES, STEPS, run, run_two, stub

ROOT = EXAMPLES.parent
EIGHT = 'for i in {0..7}; do echo "GPU $i: NVIDIA H100 (UUID: GPU-$i)"; done'
BROKEN = "echo 'NVIDIA-SMI has failed. Is the driver running?'; echo more; exit 9"
TOOLS = ("bash", "basename", "dirname", "env", "sed", "seq")


def find_gpus(folder: Path, nvidia_smi: str | None, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What find_gpus finds on a machine with this nvidia-smi, or without any."""
    commands = folder / "commands"
    commands.mkdir()
    for tool in TOOLS:
        (commands / tool).symlink_to(str(shutil.which(tool)))
    if nvidia_smi is not None:
        stub(commands, "nvidia-smi", nvidia_smi)
    words = ["bash", "-c", f'usage=; . "{STEPS}/recipe.sh"; find_gpus; echo "${{gpus[*]}}"', "step.sh"]
    return subprocess.run(words, env={"PATH": str(commands), **settings}, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("nvidia_smi", "settings", "gpus"),
    [
        (EIGHT, {}, "0 1 2 3 4 5 6 7"),
        (EIGHT, {"CUDA_VISIBLE_DEVICES": "2,3"}, "2 3"),
        (EIGHT, {"CUDA_VISIBLE_DEVICES": "GPU-ab, MIG-cd"}, "GPU-ab MIG-cd"),
        (EIGHT, {"CUDA_VISIBLE_DEVICES": ""}, ""),
        (EIGHT, {"CUDA_VISIBLE_DEVICES": "-1"}, ""),
        (EIGHT, {"CUDA_VISIBLE_DEVICES": "5,-1,6"}, "5"),
        (EIGHT, {"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, ""),
        (EIGHT, {"CUDA_VISIBLE_DEVICES": "2,3", "GPUS": "1"}, "2"),
        (EIGHT, {"CUDA_VISIBLE_DEVICES": "2,3", "GPUS": "0"}, ""),
        (EIGHT, {"GPUS": "2"}, "0 1"),
        (BROKEN, {"GPUS": "2"}, "0 1"),
        (BROKEN, {"CUDA_VISIBLE_DEVICES": "2,3"}, "2 3"),
        (None, {}, ""),
        (None, {"GPUS": "2", "CUDA_VISIBLE_DEVICES": "4,6,7"}, "4 6"),
        ("echo 'No devices found.'", {}, ""),
    ],
)
def test_the_gpus_are_those_that_may_be_seen(
    tmp_path: Path, nvidia_smi: str | None, settings: dict[str, str], gpus: str
) -> None:
    done = find_gpus(tmp_path, nvidia_smi, settings)
    assert (done.returncode, done.stdout, done.stderr) == (0, gpus + "\n", "")


@pytest.mark.parametrize(
    ("nvidia_smi", "settings", "message"),
    [
        (BROKEN, {}, r"nvidia-smi cannot list the GPUs \(NVIDIA-SMI has failed\. .*\?\): set GPUS to their number"),
        (EIGHT, {"CUDA_VISIBLE_DEVICES": "2,3", "GPUS": "3"}, "GPUS is 3, and CUDA_VISIBLE_DEVICES='2,3' names 2"),
        (None, {"CUDA_VISIBLE_DEVICES": "2,3"}, r"there is no nvidia-smi to see any: set GPUS \(0: the CPU\)"),
        (EIGHT, {"GPUS": "all"}, "GPUS is 'all', and should be a number"),
    ],
)
def test_gpus_that_cannot_be_had_are_told_in_one_line(
    tmp_path: Path, nvidia_smi: str | None, settings: dict[str, str], message: str
) -> None:
    done = find_gpus(tmp_path, nvidia_smi, settings)
    assert done.returncode == 1 and re.fullmatch(f"step.sh: .*{message}.*\n", done.stderr), done.stderr


class Training:
    """train.sh in a folder of the test's, with commands that write down what they are given in place of a training."""

    def __init__(self, folder: Path, seconds: float = 0) -> None:
        self.work, self.folder, self.given = folder / "work", folder / "work" / "en-de" / "raw", folder / "given"
        self.commands = folder / "commands"
        (self.work / "data").mkdir(parents=True)
        for name in ("fairseq-train", "torchrun"):
            write = f'printf "%s\\n" {name} "${{CUDA_VISIBLE_DEVICES-unset}}" "$@" >> {self.given}'
            stub(self.commands, name, f"{write}; sleep {seconds}; touch {self.folder}/checkpoint_last.pt")
        stub(self.commands, "nvidia-smi", EIGHT)
        self.settings = {"PATH": f"{self.commands}:{os.environ['PATH']}", "PLUGIN": "plugin", "UPDATES": "6"}
        self.words = (STEPS / "train.sh", "wmt14_en_de", "en-de", self.work, "raw")

    def run(self, **settings: str) -> subprocess.CompletedProcess[str]:
        """Train; `given` holds the command's words then, and is missing if there was none."""
        self.given.unlink(missing_ok=True)
        return run(*self.words, **{**self.settings, **settings})


@pytest.mark.parametrize(
    ("settings", "command", "devices", "processes"),
    [
        ({}, "torchrun", "unset", "8"),
        ({"CUDA_VISIBLE_DEVICES": "2,3"}, "torchrun", "2,3", "2"),
        ({"CUDA_VISIBLE_DEVICES": "2"}, "fairseq-train", "2", "1"),
        ({"CUDA_VISIBLE_DEVICES": ""}, "fairseq-train", "", None),
    ],
)
def test_a_training_has_a_process_for_each_gpu_that_may_be_seen(
    tmp_path: Path, settings: dict[str, str], command: str, devices: str, processes: str | None
) -> None:
    training = Training(tmp_path)
    assert training.run(GPUS="", **settings).returncode == 0
    words = training.given.read_text().splitlines()
    assert words[:2] == [command, devices] and ("--cpu" in words) == (processes is None)
    for option in ("--nproc-per-node",) * (command == "torchrun") + ("--distributed-world-size",) * bool(processes):
        assert words[words.index(option) + 1] == processes


def test_a_training_ends_early_where_it_is_told_to(tmp_path: Path) -> None:
    training = Training(tmp_path)
    assert training.run().returncode == 0
    assert "--patience" not in training.given.read_text()
    assert training.run(UPDATES="7", PATIENCE="3").returncode == 0, "it makes no other model of the folder"
    words = training.given.read_text().splitlines()
    assert words[words.index("--patience") + 1] == "3"


def test_a_training_that_its_time_cuts_is_not_done_because_an_earlier_one_was(tmp_path: Path) -> None:
    training = Training(tmp_path)
    begun = f"touch {training.folder}/checkpoint_last.pt; echo"
    stub(training.commands, "fairseq-train", f"{begun} early stop since valid performance")
    assert training.run(GPUS="0", PATIENCE="3", STOP_HOURS="1").returncode == 0
    stub(training.commands, "fairseq-train", f"{begun} stopping: out of time")
    cut = training.run(GPUS="0", UPDATES="9", STOP_HOURS="1")
    assert cut.returncode == 75 and not (training.folder / "9.done").exists()


@pytest.mark.parametrize("model", ["warm-raw", "raw-from-teacher", "raw"])
def test_a_model_is_not_taken_for_done_when_the_one_that_it_began_with_has_changed(tmp_path: Path, model: str) -> None:
    training = Training(tmp_path)
    begin = training.work / "en-de" / "teacher" / "averaged.pt"
    begin.parent.mkdir(parents=True)
    begin.touch()
    training.words = (*training.words[:-1], model)
    training.folder = training.work / "en-de" / model
    stub(training.commands, "fairseq-train", f"touch {training.folder}/checkpoint_last.pt")
    settings = {"GPUS": "0", "OPTIONS": f"--init-from {begin}" if model == "raw" else ""}
    assert training.run(**settings).returncode == 0 and training.run(**settings).stdout == ""
    later = time.time() + 9
    os.utime(begin, (later, later))
    done = training.run(**settings)
    assert done.returncode == 1 and f"{begin} is newer than the training in {training.folder}" in done.stderr


def test_an_nvidia_smi_that_fails_ends_a_step_with_one_line(tmp_path: Path) -> None:
    training = Training(tmp_path)
    stub(training.commands, "nvidia-smi", BROKEN)
    done = training.run(GPUS="")
    assert done.returncode == 1 and done.stderr.startswith("train.sh: nvidia-smi cannot list the GPUs (NVIDIA-SMI has")
    assert done.stderr.count("\n") == 1 and not training.given.exists()


@pytest.mark.parametrize(("devices", "cpu"), [("2,3", False), ("", True)])
def test_a_translation_is_made_on_the_cpu_where_no_gpu_may_be_seen(tmp_path: Path, devices: str, cpu: bool) -> None:
    stub(tmp_path / "commands", "nvidia-smi", EIGHT)
    stub(tmp_path / "commands", "fairseq-generate", 'echo "$CUDA_VISIBLE_DEVICES" "$@"')
    checkpoint = tmp_path / "en-de" / "raw" / "averaged.pt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    settings = {"PATH": f"{tmp_path / 'commands'}:{os.environ['PATH']}", "PLUGIN": "plugin", "GPUS": ""}
    words = ("wmt14_en_de", "en-de", tmp_path, "raw", 4)
    done = run(STEPS / "translate.sh", *words, **settings, CUDA_VISIBLE_DEVICES=devices, DECODING="--nbest\n2\n")
    assert done.returncode == 0, done.stderr
    given = (tmp_path / "en-de" / "test" / "raw,T=4.out").read_text()
    assert given.startswith(f"{devices} {tmp_path}/data") and ("--cpu" in given.split()) == cpu
    assert " --distributed-world-size 1 " in given and " --nbest 2" in given


def trained(work: Path, *directions: str) -> None:
    """A folder of finished trainings, a teacher and raw, and of text."""
    for direction in directions:
        for model in ("teacher", "raw"):
            (work / direction / model).mkdir(parents=True)
            for name in ("5.done", "averaged.pt"):
                (work / direction / model / name).touch()
    (work / "text").mkdir()
    for split in ("train", "valid", "test"):
        for side in ("en", "de"):
            (work / "text" / f"{split}.{side}").write_text("a\n")


@pytest.mark.parametrize(
    ("words", "result", "settings"),
    [
        ("average.sh multi30k en-de {} raw", "en-de/raw/averaged.pt", {"AVERAGE": "7"}),
        ("translate.sh multi30k en-de {} raw 4", "en-de/test/raw,T=4.out", {"DECODING": "--nbest 2"}),
        ("translate.sh multi30k en-de {} raw 4", "en-de/test/raw,T=4,infill.out", {"INFILL": "other.infill"}),
        ("choose.sh classification/sst2 s-t {} raw", "s-t/test/raw,labels.out", {"CHOOSE": "--longest 9"}),
        ("documents.sh documents s-t {} raw T=4 blocks", "s-t/test/raw,T=4,blocks.out", {"WINDOW": "77"}),
        ("prepare.sh multi30k {}", "data", {"MERGES": "99"}),
        ("distill.sh multi30k en-de {}", "en-de/distilled-text", {"SHARDS": "3"}),
    ],
)
def test_a_result_of_other_options_is_refused(
    tmp_path: Path, words: str, result: str, settings: dict[str, str]
) -> None:
    """It is named, with its options and those that are wanted, before anything else is done."""
    trained(tmp_path, "en-de", "source-target")
    script, *arguments = words.replace("s-t", "source-target").format(tmp_path).split()
    found = tmp_path / result.replace("s-t", "source-target")
    found.parent.mkdir(parents=True, exist_ok=True)
    found.touch()
    Path(f"{found}.options").write_text("OPTION=other\n")
    done = run(STEPS / script, *arguments, **settings, PLUGIN="plugin")
    assert done.returncode == 1 and f"{found} was made with OPTION=other, and " in done.stderr
    ((setting, value),) = settings.items()
    assert re.search(f"{setting}={value}.* is wanted: remove it, or take another WORK\n$", done.stderr)


def test_a_result_is_of_the_options_that_it_is_asked_for(tmp_path: Path) -> None:
    trained(tmp_path / "work", "en-de")
    stub(tmp_path / "commands", "fairseq-generate", 'echo "$@"')
    settings = {"PATH": f"{tmp_path / 'commands'}:{os.environ['PATH']}", "PLUGIN": "plugin"}
    output = tmp_path / "work" / "en-de" / "test" / "raw,T=4.out"

    def translate(decoding: str) -> int:
        words = ("multi30k", "en-de", tmp_path / "work", "raw", 4)
        return run(STEPS / "translate.sh", *words, **settings, DECODING=decoding).returncode

    assert translate("--nbest 2") == 0 and "--nbest 2" in output.read_text()
    output.write_text("made once")
    assert translate("--nbest\n  2") == 0 and output.read_text() == "made once", "the same options otherwise written"
    assert translate("") == translate("--nbest 3") == 1 and output.read_text() == "made once"
    output.unlink()
    assert translate("--nbest 3") == 0 and "--nbest 3" in output.read_text()
    output.with_name("raw,T=4.out.options").unlink()
    assert translate("") == 0 and "--nbest 3" in output.read_text(), "as an earlier version left it"


@pytest.mark.parametrize(
    ("way", "message"),
    [
        ("5,2", "the way '5,2' of teacher is no beam: say 5, or 5,lenpen=2"),
        ("5,lenpen=.", "the way '5,lenpen=.' of teacher is no beam: say 5, or 5,lenpen=2"),
        (
            "sharp",
            "'sharp' of the way 'sharp' is no number, full, fast, best, T=N, rescored-NAME, planned-NAME, "
            "pool-NAME, verified or left-to-right",
        ),
        ("best,pool-none", "none/averaged.pt is missing, which pool-none reads: run average.sh first"),
        ("planned-none", "none/averaged.pt is missing, which planned-none reads: run average.sh first"),
        ("rescored-none", "none/averaged.pt is missing, which rescored-none reads: run average.sh first"),
        ("T=4", "say '4' (as in the paper) or 'full,T=4' in the place of 'T=4'"),
    ],
)
def test_a_way_that_cannot_be_is_named(tmp_path: Path, way: str, message: str) -> None:
    model = "teacher" if way[0].isdigit() else "raw"
    (tmp_path / "en-de" / model).mkdir(parents=True)
    (tmp_path / "en-de" / model / "averaged.pt").touch()
    done = run(STEPS / "translate.sh", "multi30k", "en-de", tmp_path, model, way, PLUGIN="plugin")
    assert done.returncode == 1 and done.stderr.startswith("translate.sh: ") and message in done.stderr


def test_options_may_be_on_several_lines(tmp_path: Path) -> None:
    training = Training(tmp_path)
    assert training.run(OPTIONS="--dropout 0.1\n  --adam-betas (0.9,0.98)\n\n\t--clip-norm\n1.0\n").returncode == 0
    words = ["--dropout", "0.1", "--adam-betas", "(0.9,0.98)", "--clip-norm", "1.0"]
    assert training.given.read_text().splitlines()[-len(words) :] == words
    done = training.run(OPTIONS=" ".join(words))
    assert done.returncode == 0 and not training.given.exists(), "the same options otherwise written"


@pytest.mark.parametrize(
    ("settings", "found", "wanted"),
    [
        ({"OPTIONS": "--dropout 0.2"}, "options: --dropout 0.1", "options: --dropout 0.2"),
        ({"OPTIONS": ""}, "options: --dropout 0.1", "options:"),
        ({"SEED": "2"}, "SEED=1", "SEED=2"),
        ({"ARCH": "cmlm_small"}, "ARCH=cmlm_base", "ARCH=cmlm_small"),
        ({"TOKENS": "4096"}, "TOKENS=131072", "TOKENS=4096"),
        ({"WARMUP": "5"}, "WARMUP=10000", "WARMUP=5"),
        ({"PRECISION": "bfloat16"}, "PRECISION=float32", "PRECISION=bfloat16"),
        ({"SELECT": "bleu"}, "SELECT=loss", "SELECT=bleu"),
        ({"UPDATES": "4"}, "for 6 updates", "4 are wanted"),
    ],
)
@pytest.mark.parametrize("finished", [True, False])
def test_a_folder_holds_one_training(
    tmp_path: Path, settings: dict[str, str], found: str, wanted: str, finished: bool
) -> None:
    training = Training(tmp_path)
    begun = {"OPTIONS": "--dropout 0.1"}
    assert training.run(**begun).returncode == 0
    if not finished:
        (training.folder / "6.done").unlink()
    training.settings.update(begun)
    training.settings.update(settings)
    done = training.run()
    assert done.returncode == 1 and re.fullmatch(f"train.sh: .*{found}.*{wanted}.*: remove it, or .*\n", done.stderr)
    assert not training.given.exists() and not (training.folder / "4.done").exists()


def test_a_training_goes_on_with_other_hardware_and_more_updates(tmp_path: Path) -> None:
    training = Training(tmp_path)
    assert training.run().returncode == 0
    training.settings.update(UPDATES="9", GPUS="2", PRECISION="float32", MAX_TOKENS="4096")
    assert training.run().returncode == 0 and training.given.exists() and (training.folder / "9.done").exists()


def test_options_that_never_trained_bind_nothing(tmp_path: Path) -> None:
    training = Training(tmp_path)
    stub(training.commands, "fairseq-train", "echo unrecognized arguments; exit 2")
    assert training.run(OPTIONS="--dropuot 0.1").returncode == 2
    stub(training.commands, "fairseq-train", "true")
    assert training.run(OPTIONS="--dropout 0.1").returncode == 0


def test_the_plugin_may_lie_in_a_folder_with_a_space(tmp_path: Path) -> None:
    training = Training(tmp_path)
    stub(training.commands, "fairseq-cmlm", "echo '/a b/plugin'")
    del training.settings["PLUGIN"]
    assert training.run(PLUGIN="").returncode == 0
    words = training.given.read_text().splitlines()
    assert words[words.index("--user-dir") + 1] == "/a b/plugin"


DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted(EXAMPLES.rglob("*.md"))]


@pytest.mark.parametrize("path", [*DOCUMENTS, *sorted(EXAMPLES.rglob("*.sh"))], ids=lambda path: path.name)
def test_the_plugin_is_quoted_wherever_it_is_a_word_of_a_command(path: Path) -> None:
    for line in path.read_text().splitlines():
        assert not re.search(r"(^|\s)\$\(fairseq-cmlm path\)", line), line


MAKE = f"""usage= work=$1
. "{STEPS}/recipe.sh"
write() {{ mkdir "$1"; echo one > "$1/a"; sleep 1; echo two > "$1/b"; }}
make "$work/result" "" write
cat "$work"/result/*
"""


def steps(work: Path) -> Counter[str]:
    """How often each line of WORK/steps.log stands there, without its time."""
    return Counter(line.split(maxsplit=2)[2] for line in (work / "steps.log").read_text().splitlines())


def test_of_two_runs_one_makes_a_result_and_the_other_waits(tmp_path: Path) -> None:
    (tmp_path / "make.sh").write_text(MAKE)
    both = run_two(tmp_path / "make.sh", tmp_path)
    assert [(done.returncode, done.stderr) for done in both] == [(0, ""), (0, "")]
    assert all(done.stdout.endswith("one\ntwo\n") for done in both)
    assert sum("waiting for another run" in done.stdout for done in both) == 1
    assert steps(tmp_path) == {"begin result": 1, "end   result": 1}


def test_a_result_whose_run_was_killed_is_made_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "make.sh").write_text(MAKE)
    words = ["bash", str(tmp_path / "make.sh"), str(tmp_path)]
    started = subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (tmp_path / "result.part").exists():
        assert started.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    done = run(tmp_path / "make.sh", tmp_path)
    assert done.returncode == 0 and done.stdout.endswith("one\ntwo\n") and "waiting" not in done.stdout
    assert not (tmp_path / "result.part").exists()


def test_two_trainings_at_once_in_one_folder_are_one(tmp_path: Path) -> None:
    training = Training(tmp_path, seconds=1)
    both = run_two(*training.words, **training.settings)
    assert [done.returncode for done in both] == [0, 0], both
    assert training.given.read_text().splitlines().count("fairseq-train") == 1


def test_both_directions_at_once_prepare_their_data_once(text: Path, tmp_path: Path) -> None:
    raw, work = tmp_path / "raw", tmp_path / "work"
    raw.mkdir()
    for split in ("train", "valid", "test"):
        for side, language in (("src", "en"), ("tgt", "de")):
            shutil.copy(text / f"{split}.{side}", raw / f"{split}.{language}")
    both = run_two(STEPS / "prepare.sh", "multi30k", work, raw, MERGES="50")
    assert [(done.returncode, done.stderr) for done in both] == [(0, ""), (0, "")]
    assert set(steps(work).values()) == {1} and len(steps(work)) == 2 * 5
    assert len((work / "bpe" / "train.de").read_text().splitlines()) == 400


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that make the environment, in a folder with a space."""
    root = tmp_path / "a checkout"
    shutil.copytree(ROOT / "fairseq_cmlm", root / "fairseq_cmlm", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "examples").mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "constraints.txt", "examples/environment.sh"):
        shutil.copy(ROOT / name, root / name)
    return root


def source_environment(root: Path, then: str = "true", **settings: str) -> Path:
    """Write a script that sources environment.sh as run.sh does."""
    path = root / "source.sh"
    path.write_text(f'set -euo pipefail\n. "{root}/examples/environment.sh"\n{then}\n')
    return path


PYTHON = """[ "$1 $2" = "-m venv" ]
mkdir -p "$3/bin"
cat > "$3/bin/pip" << 'END'
#!/usr/bin/env bash
echo begin "$@" >> LOG
sleep 0.3
[ ! -e LOG.fails ]
echo end >> LOG
END
chmod +x "$3/bin/pip"
"""


def test_the_package_is_installed_only_when_it_has_changed(checkout: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    stub(
        tmp_path / "commands",
        "python",
        PYTHON.replace("LOG", str(log)).replace("#!/usr/bin/env bash", "#!/bin/bash -e"),
    )
    script = source_environment(checkout)
    settings = {"PYTHON": str(tmp_path / "commands" / "python"), "VENV": str(tmp_path / "a venv")}

    def installed() -> list[str]:
        log.write_text("")
        both = run_two(script, **settings)
        assert [done.returncode for done in both] == [0, 0], both
        lines = log.read_text().splitlines()
        assert lines[1::2] == ["end"] * (len(lines) // 2), "one at a time"
        return lines[::2]

    first = installed()
    assert len(first) == 2 and f"{checkout}[test]" in first[0]
    assert all(f" {option} " in first[1] for option in ("--no-index", "--no-build-isolation", "--no-deps"))
    assert installed() == []
    module = checkout / "fairseq_cmlm" / "errors.py"
    module.write_text(module.read_text() + "# changed\n")
    (tmp_path / "log.fails").touch()
    assert all(done.returncode != 0 for done in run_two(script, **settings))
    (tmp_path / "log.fails").unlink()
    assert installed() == [first[1]]
    assert installed() == []
    (checkout / "constraints.txt").write_text("")
    assert installed() == [first[0]]


def test_an_environment_in_a_folder_with_a_space_needs_no_network(checkout: Path, tmp_path: Path) -> None:
    """The package is installed for real, beside the packages of the environment that runs the tests."""
    venv = tmp_path / "a venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    (packages,) = (venv / "lib").glob("*/site-packages")
    for old in packages.glob("setuptools*"):  # the one beside it is newer
        shutil.rmtree(old)
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    cksum = 'cat "$1/constraints.txt" "$1/setup.py" | cksum > "$2/.made-from"'
    subprocess.run(["bash", "-c", cksum, "-", str(checkout), str(venv)], check=True)
    then = f'fairseq-cmlm path; . "{STEPS}/recipe.sh"; words=("$(plugin)"); printf "<%s>\\n" "${{words[@]}}"'
    nowhere = {"PIP_INDEX_URL": "http://localhost:9", "PIP_RETRIES": "0", "PIP_CONSTRAINT": "of-another-folder.txt"}
    script = source_environment(checkout, then)
    done = run(script, VENV=str(venv), PLUGIN="", PYTHONPATH="", usage="", **nowhere)
    assert done.returncode == 0, done.stderr
    plugin, quoted = done.stdout.splitlines()
    assert Path(plugin).is_relative_to(packages / "fairseq_cmlm") and quoted == f"<{plugin}>"
