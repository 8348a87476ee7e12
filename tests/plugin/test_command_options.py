"""What fairseq would answer with a traceback, or with a part of the text, is refused before anything is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from fairseq import options
from fairseq_commands import LANGUAGES, PLUGIN, USER_DIR, by_sentence, run

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.plugin import repairs  # noqa: F401  wraps parse_args_and_arch

PARSERS = {
    "generate": options.get_generation_parser,
    "interactive": options.get_interactive_generation_parser,
    "train": options.get_training_parser,
    "validate": options.get_validation_parser,
}


@pytest.fixture()
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the files `model.pt`, `other.pt`, `file` and `a:b/model.pt`."""
    (tmp_path / "a:b").mkdir()
    for name in ("model.pt", "other.pt", "file", "a:b/model.pt"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    for name in ("RANK", "SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def command_line(command: str, *words: str) -> Any:
    """What `fairseq-COMMAND` makes of its command line."""
    with mock.patch.object(sys, "argv", [f"fairseq-{command}", *words]):
        return options.parse_args_and_arch(PARSERS[command]())


def parse(command: str, words: str, task: str = "translation_cmlm") -> Any:
    """The options that `fairseq-COMMAND DATA` and `words` parse to."""
    own: tuple[str, ...] = ("--arch", "transformer", "--criterion", "cmlm_loss") if command == "train" else ()
    if command != "train" and "path" not in words.replace("--results-path", ""):
        own = ("--path", "model.pt")
    if command in ("train", "validate") and "no size" not in words:
        own += ("--max-tokens", "99")
    given = ("data", "--user-dir", USER_DIR, "--task", task, *LANGUAGES, "--cpu", *own)
    return command_line(command, *given, *words.replace("no path", "").replace("no size", "").split())


GOOD = [
    ("generate", "--save-dir file"),  # an option of all commands that only the training uses
    ("train", "--save-dir file --no-save"),
    ("train", "--save-dir new/folder --log-file log --eval-bleu"),
    ("train", "--best-checkpoint-metric bleu --maximize-best-checkpoint-metric --eval-bleu"),
    ("train", "--best-checkpoint-metric something_of_a_criterion"),
    ("generate", "--path model.pt:other.pt"),
    ("generate", "--path s3://bucket/model.pt"),
    ("generate", "--bpe subword_nmt --bpe-codes file"),
    ("generate", "--bpe characters"),
    ("generate", "--prefix-size 3"),
    ("generate", "--distributed-world-size 2 --distributed-rank 1"),
    ("generate", "--results-path new --nbest 3 --post-process subword_nmt"),
    ("generate", "--fp16 --model-overrides {'dropout':0.1}"),
    ("interactive", "--input file --buffer-size 4 --batch-size 4"),
    ("interactive", "--input - --infill"),
    ("train", "--restore-file model.pt"),
    ("train", "--restore-file checkpoint_last.pt"),
    ("train", "--finetune-from-model model.pt --bf16"),
    (
        "train",
        "--distributed-world-size 2 --distributed-no-spawn --distributed-init-method tcp://localhost:1 "
        "--ddp-backend legacy_ddp",
    ),
    ("validate", "--post-process sentencepiece"),
]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("command", "words"), GOOD)
def test_what_can_work_is_let_through(command: str, words: str) -> None:
    parse(command, words)


OF_ANY_TASK = [
    ("train", "no size", "give --max-tokens or --batch-size"),
    ("validate", "no size", "give --max-tokens or --batch-size"),
    ("train", "--save-dir file/new", "--save-dir file/new: .*file is a file, and must be a folder"),
    ("train", "--log-file nowhere/log", "--log-file nowhere/log: there is no folder nowhere"),
    ("train", "--ema-seed-model nowhere.pt", "--ema-seed-model nowhere.pt: there is no such file"),
    ("train", "--maximize-best-checkpoint-metric", "loss would keep the worst checkpoint: leave out --maximize"),
    (
        "train",
        "--best-checkpoint-metric accuracy",
        "accuracy would keep the worst checkpoint: add --maximize-best-checkpoint-metric",
    ),
    ("interactive", "--input nowhere.txt", "--input nowhere.txt: there is no such file"),
    ("generate", "no path", "--path is missing: give the checkpoint"),
    ("generate", "--path nowhere.pt", "--path nowhere.pt: there is no such file"),
    ("interactive", "--path nowhere.pt", "--path nowhere.pt: there is no such file"),
    ("generate", "--path model.pt:nowhere.pt", "--path model.pt:nowhere.pt: nowhere.pt: there is no such file"),
    ("generate", "--path a:b", "--path a:b: a colon separates the checkpoints of an ensemble"),
    ("generate", "--path a:b/model.pt", "--path a:b/model.pt: a colon separates the checkpoints of an ensemble"),
    ("validate", "--path .", "--path .: is a folder: name a checkpoint in it"),
    ("generate", "--bpe subword_nmt", "--bpe subword_nmt needs --bpe-codes FILE"),
    ("generate", "--bpe sentencepiece", "--bpe sentencepiece needs --sentencepiece-model FILE"),
    ("interactive", "--bpe subword_nmt --bpe-codes nowhere", "--bpe-codes nowhere: there is no such file"),
    ("generate", "--prefix-size 3 --left-pad-target", "--prefix-size 3 would keep padding of --left-pad-target"),
    ("generate", "--nbest 0", "--nbest 0 must be at least 1"),
    ("interactive", "--batch-size -2", "--batch-size -2 must be at least 1"),
    ("train", "--max-tokens -3", "--max-tokens -3 must be at least 1"),
    ("train", "--update-freq 1,0", "--update-freq 1,0 must be at least 1"),
    ("train", "--seed -1", "--seed -1 must be at least 0"),
    ("generate", "--results-path file", "--results-path file: .*file is a file, and must be a folder"),
    ("generate", "--model-overrides {x", "--model-overrides {x is no dictionary"),
    ("generate", "--post-process foo", "--post-process foo is unknown"),
    ("generate", "--distributed-world-size 2", "without --distributed-rank would translate the first of 2 parts"),
    ("interactive", "--distributed-world-size 2 --distributed-rank 0", "each process .* would translate the whole"),
    ("interactive", "--batch-size 5", "--batch-size 5 is more than --buffer-size 0"),
    ("interactive", "--batch-size 5 --buffer-size 4", "--batch-size 5 is more than --buffer-size 4"),
    ("train", "--restore-file nowhere.pt", "--restore-file nowhere.pt: there is no such file"),
    ("train", "--finetune-from-model nowhere.pt", "--finetune-from-model nowhere.pt: there is no such file"),
    ("train", "--distributed-world-size 2", "--distributed-world-size 2 is more than the 0 GPU"),
    ("validate", "--distributed-world-size 2", "--distributed-world-size 2 is more than the 0 GPU"),
    (
        "train",
        "--distributed-world-size 2 --distributed-init-method tcp://localhost:1",
        "starts a process for each GPU, and there is none: add --distributed-no-spawn",
    ),
    (
        "train",
        "--distributed-world-size 2 --distributed-no-spawn --distributed-init-method tcp://localhost:1",
        "--ddp-backend pytorch_ddp needs GPUs: on a CPU use --ddp-backend legacy_ddp",
    ),
    ("train", "--fp16", "--fp16 trains on a GPU only: on a CPU use --training-dtype bfloat16"),
    ("train", "--memory-efficient-fp16", "--fp16 trains on a GPU only"),
    ("train", "--amp", "--amp trains on a GPU only"),
    ("train", "--tpu", "--tpu needs torch_xla"),
]
OF_OURS = [
    ("train", "--best-checkpoint-metric bleu", "--best-checkpoint-metric bleu needs --eval-bleu"),
    (
        "train",
        "--best-checkpoint-metric bleu --eval-bleu",
        "bleu would keep the worst checkpoint: add --maximize-best-checkpoint-metric",
    ),
    ("generate", "--replace-unk", "--replace-unk @@  is not for --task translation_cmlm"),
    ("generate", "--sampling", "--sampling True is not for --task translation_cmlm"),
    ("generate", "--min-len 3", "--min-len 3 is not for .*: the model predicts the lengths; --length-budget sets them"),
    ("generate", "--max-len-a 1.5", "--max-len-a 1.5 is not for"),
    ("generate", "--max-len-b 50", "--max-len-b 50 is not for"),
    ("generate", "--sampling-topk 5", "--sampling-topk 5 is not for"),
    ("generate", "--lm-weight 0.5", "--lm-weight 0.5 is not for"),
    ("generate", "--no-early-stop", "--no-early-stop True is not for"),
    ("generate", "--infill", "--infill is for fairseq-interactive"),
    ("train", "--infill", "--infill is for fairseq-interactive"),
    ("train", "--eval-bleu --eval-bleu-remove-bpe foo", "--eval-bleu-remove-bpe foo is unknown"),
]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("command", "words", "message"), OF_ANY_TASK + OF_OURS)
def test_what_cannot_work_is_refused_by_name(command: str, words: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse(command, words)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("command", "words", "message"), OF_ANY_TASK)
def test_other_tasks_are_told_too(command: str, words: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse(command, words, task="translation")


@pytest.mark.usefixtures("folder")
def test_our_architectures_are_for_our_task() -> None:
    words = ("data", "--user-dir", USER_DIR, *LANGUAGES, "--cpu", "--max-tokens", "99", "--arch", "cmlm_tiny")
    with pytest.raises(OptionError, match="--arch cmlm_tiny needs --task translation_cmlm, and --task is translation"):
        command_line("train", *words, "--criterion", "cmlm_loss")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", ["generate", "interactive"])
@pytest.mark.parametrize("flag", ["--iterations", "--decoding-iter"])
def test_no_option_is_abbreviated(command: str, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--iterations would mean --iterations-per-token."""
    with pytest.raises(SystemExit):
        parse(command, f"{flag} 4")
    assert f"unrecognized arguments: {flag} 4" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", ["generate", "interactive"])
def test_moses_is_given_its_languages(command: str) -> None:
    given = ["data", "--user-dir", USER_DIR, "--task", "translation_cmlm", "--path", "model.pt", "--tokenizer", "moses"]
    command_line(command, *given, *LANGUAGES)
    for languages in ((), LANGUAGES[:2]):
        with pytest.raises(OptionError, match="--tokenizer moses needs the languages: give -s and -t"):
            command_line(command, *given, *languages)


@pytest.mark.parametrize("command", ["generate", "interactive"])
def test_every_sentence_is_translated_once_where_there_are_several_gpus(
    data: Path, text: Path, checkpoint: Path, command: str
) -> None:
    """The number of GPUs, which is that of the processes in training, must not count here."""
    stub = f"import torch; torch.cuda.device_count = lambda: 8; from fairseq_cli import {command}; {command}.cli_main()"
    words = (data, *PLUGIN, *LANGUAGES, "--path", checkpoint, "--cpu", "--decoding-iterations", 1)
    source = () if command == "generate" else ("--input", text / "test.src")
    done = subprocess.run([sys.executable, "-c", stub, *map(str, (*words, *source))], capture_output=True, text=True)
    assert sorted(by_sentence(done.stdout)["H"]) == list(range(17)), done.stderr


def test_words_of_a_program_are_no_command_line() -> None:
    """Fairseq's parser also makes configurations, in `fairseq-cmlm convert` and in other people's programs."""
    words = ["data", "--user-dir", USER_DIR, "--task", "translation_cmlm", *LANGUAGES]
    assert options.parse_args_and_arch(options.get_training_parser(), [*words, "--arch", "cmlm_tiny", "--fp16"]).fp16
    assert options.parse_args_and_arch(options.get_generation_parser(), words).distributed_rank == 0


def test_validation_takes_its_model_from_the_checkpoint(data: Path, checkpoint: Path) -> None:
    """It parses its command line a second time, without defaults."""
    printed = run("validate", data, *PLUGIN, "--path", checkpoint, "--cpu", "--batch-size", 8)
    assert "valid on 'valid' subset | loss" in printed
