"""fairseq's commands, called in this process: a start of Python with fairseq takes 5 seconds."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import sys
from pathlib import Path
from unittest import mock

from fairseq import checkpoint_utils

import fairseq_cmlm
from fairseq_cmlm.plugin.task import TranslationCMLMConfig, TranslationCMLMTask

USER_DIR = str(Path(fairseq_cmlm.__file__).parent)
PLUGIN = ("--user-dir", USER_DIR, "--task", "translation_cmlm")
LANGUAGES = ("-s", "src", "-t", "tgt")
TINY = (
    *("--arch", "cmlm_tiny", "--criterion", "cmlm_loss", "--optimizer", "adam", "--lr", "2e-3"),
    *("--encoder-embed-dim", "32", "--decoder-embed-dim", "32", "--encoder-ffn-embed-dim", "64"),
    *("--decoder-ffn-embed-dim", "64", "--max-tokens", "512", "--no-progress-bar", "--no-epoch-checkpoints"),
    *("--encoder-attention-heads", "2", "--decoder-attention-heads", "2", "--disable-validation", "--cpu"),
    *("--max-source-positions", "40", "--max-target-positions", "40", "--num-workers", "0"),
)
# The same sizes for fairseq's autoregressive Transformer, validated and saved after each epoch.
TEACHER = (
    *("--user-dir", USER_DIR, "--task", "translation", "--arch", "transformer", "--optimizer", "adam", "--lr", "1e-2"),
    *("--criterion", "label_smoothed_cross_entropy", "--encoder-layers", "2", "--decoder-layers", "2"),
    *("--encoder-embed-dim", "32", "--decoder-embed-dim", "32", "--encoder-ffn-embed-dim", "64"),
    *("--decoder-ffn-embed-dim", "64", "--encoder-attention-heads", "2", "--decoder-attention-heads", "2"),
    *("--max-tokens", "512", "--no-progress-bar", "--cpu", "--num-workers", "0"),
)


def run(command: str, *arguments: object) -> str:
    """What `fairseq-COMMAND ARGUMENTS` prints and logs; its exceptions come through."""
    vars(checkpoint_utils.save_checkpoint).pop("best", None)  # fairseq keeps the best score for the process's life
    module = importlib.import_module(f"fairseq_cli.{command}")
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        arguments = (f"fairseq-{command}", *map(str, arguments))
        with mock.patch.object(sys, "argv", list(arguments)), contextlib.redirect_stdout(output):
            module.cli_main()
    finally:
        root.removeHandler(handler)
    return output.getvalue()


def preprocess(
    text: Path, data: Path, *arguments: object, splits: tuple[str, ...] = ("train", "valid", "test")
) -> Path:
    """Binarise the splits in `text` into `data`."""
    prefixes = [part for split in splits for part in (f"--{split}pref", text / split)]
    run("preprocess", *LANGUAGES, *prefixes, "--destdir", data, *arguments)
    return data


def train(data: object, save: Path, *arguments: object, updates: int = 20) -> str:
    """Train the tiny model and return the log; the checkpoint is save/checkpoint_last.pt."""
    options = (*PLUGIN, *LANGUAGES, *TINY, "--max-update", updates, "--save-dir", save)
    return run("train", data, *options, *arguments)


def generate(data: object, checkpoint: object, *arguments: object) -> dict[str, dict[int, list[str]]]:
    """The lines that fairseq-generate prints, as kind (S, T, H, D, P, I) -> sentence -> what stands behind it."""
    printed = run("generate", data, *PLUGIN, *LANGUAGES, "--path", checkpoint, "--cpu", "--num-workers", 0, *arguments)
    return by_sentence(printed)


def load_task(data: Path, split: str = "test") -> TranslationCMLMTask:
    """The task with one split loaded; what fairseq fills in from other groups of options is at its default."""
    others = {"seed": 1, "num_shards": 1, "shard_id": 0, "dataset_impl": None, "required_seq_len_multiple": 1}
    task = TranslationCMLMTask.setup_task(
        TranslationCMLMConfig(data=str(data), source_lang="src", target_lang="tgt", **others)
    )
    task.load_dataset(split)
    return task


def by_sentence(printed: str) -> dict[str, dict[int, list[str]]]:
    """The lines of fairseq-generate or fairseq-interactive, as kind -> sentence -> the rest of each such line."""
    found: dict[str, dict[int, list[str]]] = {kind: {} for kind in "STHDPIE"}
    for line in printed.splitlines():
        head, _, rest = line.partition("\t")
        kind, dash, number = head.partition("-")
        if dash and kind in found:
            found[kind].setdefault(int(number.split("_")[0]), []).append(rest)
    return found
