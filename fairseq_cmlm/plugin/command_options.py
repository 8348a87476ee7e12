"""Checks of the options of fairseq's commands, before a command begins.

Where fairseq would end in a traceback, translate part of the text, or do nothing, an OptionError names the option and
its value and says what to do. To add a check: a function of the parsed options and a row in CHECKS.
"""

from __future__ import annotations

import ast
import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, Callable, Mapping, Optional

import torch
from fairseq import utils
from fairseq.data import data_utils
from fairseq.models import ARCH_MODEL_NAME_REGISTRY

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.options import declared, name_of
from fairseq_cmlm.plugin.foreign_options import refuse_foreign_options

Given = Mapping[str, Any]  # option -> value, of any command

_LAST = "checkpoint_last.pt"  # the default of --restore-file, which need not exist
# Options that name a file to read. "-" is standard input.
_FILES = (
    *("input", "restore_file", "finetune_from_model", "ema_seed_model", "bpe_codes", "sentencepiece_model"),
    *(name_of(one) for one in declared(Decoding) if one.metadata["file"]),
)
# --bpe NAME -> the option that it needs.
_NEEDED_BY_BPE = {
    "subword_nmt": "bpe_codes",
    "fastbpe": "bpe_codes",
    "sentencepiece": "sentencepiece_model",
}
# --best-checkpoint-metric NAME -> whether more is better.
_METRICS = {
    **dict.fromkeys(("loss", "nll_loss", "ppl", "length_loss"), False),
    **dict.fromkeys(("bleu", "accuracy", "length_accuracy"), True),
}
_LAUNCHERS = ("RANK", "SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST")  # set by torchrun and Slurm for each process


def prepare(parser: ArgumentParser) -> None:
    """Change a default in the parser of fairseq-generate or -interactive to tell a given rank from none."""
    if parser.get_default("nbest") is not None:
        parser.set_defaults(distributed_rank=None)


def check_options(parsed: Namespace) -> None:
    """Raise an OptionError for the first of the parsed options that cannot work."""
    for check in CHECKS:
        check(vars(parsed))
    if getattr(parsed, "distributed_rank", 0) is None:
        parsed.distributed_rank = 0


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _files_exist(given: Given) -> None:
    for name in _FILES:
        path = given.get(name)
        if path in (None, "-", _LAST, "???") or "://" in path:
            continue
        if not Path(path).is_file():
            raise OptionError(f"{_flag(name)} {path}: there is no such file")


def _bpe_has_its_file(given: Given) -> None:
    name = str(given.get("bpe"))
    needed = _NEEDED_BY_BPE.get(name)
    if needed and given.get(needed) in (None, "???"):
        raise OptionError(f"--bpe {name} needs {_flag(needed)} FILE, the one that the training text was split with")


def _tokenizer_has_its_languages(given: Given) -> None:
    if given.get("tokenizer") == "moses" and None in (given.get("source_lang"), given.get("target_lang")):
        raise OptionError("--tokenizer moses needs the languages: give -s and -t")


def _models_exist(given: Given) -> None:
    if "path" not in given:
        return
    if given["path"] is None:
        raise OptionError("--path is missing: give the checkpoint to decode with")
    in_parts = given.get("checkpoint_suffix") or (given.get("checkpoint_shard_count") or 1) > 1
    if "://" in given["path"] or in_parts:
        return
    names = given["path"].split(os.pathsep)
    if len(names) > 1 and Path(given["path"]).exists():
        raise OptionError(
            f"--path {given['path']}: a colon separates the checkpoints of an ensemble, and this is the name of one: "
            "rename it, or change to its folder"
        )
    for name in names:
        if not Path(name).is_file():
            what = "is a folder: name a checkpoint in it" if Path(name).is_dir() else "there is no such file"
            raise OptionError(f"--path {given['path']}: {f'{name}: ' if len(names) > 1 else ''}{what}")


def _processes_can_start(given: Given) -> None:
    size = given.get("distributed_world_size") or 1
    if size == 1:
        return
    if "nbest" in given:
        return _parts_are_whole(given)
    devices = 0 if given["cpu"] else torch.cuda.device_count()
    started = given["distributed_no_spawn"] or any(name in os.environ for name in _LAUNCHERS)
    if given["distributed_init_method"] is None and size > devices and not started:
        raise OptionError(
            f"--distributed-world-size {size} is more than the {devices} GPU(s): use fewer, or on a CPU start every "
            "process with --distributed-no-spawn --distributed-rank RANK --distributed-init-method tcp://HOST:PORT "
            "--distributed-backend gloo --ddp-backend legacy_ddp"
        )
    if given["distributed_init_method"] is not None and not devices and not started:
        raise OptionError(
            f"--distributed-init-method {given['distributed_init_method']} starts a process for each GPU, and there is "
            "none: add --distributed-no-spawn, and start every process with its --distributed-rank"
        )
    if "max_update" in given and not devices and given["ddp_backend"] in ("c10d", "pytorch_ddp"):
        raise OptionError(f"--ddp-backend {given['ddp_backend']} needs GPUs: on a CPU use --ddp-backend legacy_ddp")


def _parts_are_whole(given: Given) -> None:
    """Refuse options that would decode a part of the text, or all of it several times, without being told to."""
    size = given["distributed_world_size"]
    if "buffer_size" in given:
        raise OptionError(
            f"--distributed-world-size {size}: each process of fairseq-interactive would translate the whole text; "
            "leave it out"
        )
    if given["distributed_rank"] is None:
        raise OptionError(
            f"--distributed-world-size {size} without --distributed-rank would translate the first of {size} parts of "
            "the text alone: leave it out, or start fairseq-generate once for each part, with --num-shards and "
            "--shard-id"
        )


def _numbers_have_hardware(given: Given) -> None:
    if "max_update" not in given or (torch.cuda.is_available() and not given["cpu"]):
        return
    for name in ("fp16", "memory_efficient_fp16", "amp"):
        if given.get(name):
            raise OptionError(f"{_flag(name)} trains on a GPU only: on a CPU use --training-dtype bfloat16")
    if given.get("tpu") and utils.xm is None and not given["bf16"]:
        raise OptionError("--tpu needs torch_xla, which is not installed")


def _numbers_are_large_enough(given: Given) -> None:
    for name, least in (("seed", 0), ("max_tokens", 1), ("batch_size", 1), ("update_freq", 1), ("nbest", 1)):
        value = given.get(name)
        values = value if isinstance(value, list) else [value]
        if any(one is not None and one < least for one in values):
            raise OptionError(f"{_flag(name)} {','.join(map(str, values))} must be at least {least}")


def _batches_fit(given: Given) -> None:
    batch, buffer = given["batch_size"] or 1, given.get("buffer_size")
    if buffer is not None and batch > max(buffer, 1):
        raise OptionError(f"--batch-size {batch} is more than --buffer-size {buffer}, the lines read at once: raise it")
    evaluates = "nbest" in given or "softmax_batch" in given  # fairseq-eval-lm has defaults for these
    if not evaluates and given["max_tokens"] is None and given["batch_size"] is None:
        raise OptionError("give --max-tokens or --batch-size, the size of a batch")


def _output_can_be_written(given: Given) -> None:
    saves = "max_update" in given and not given["no_save"]
    for name in ("results_path", "save_dir") if saves else ("results_path",):
        folder = given.get(name)
        if folder is None or "://" in folder:
            continue
        there = next(path for path in (Path(folder), *Path(folder).absolute().parents) if path.exists())
        if not there.is_dir():
            raise OptionError(f"{_flag(name)} {folder}: {there} is a file, and must be a folder: name another")
        if not os.access(there, os.W_OK):
            raise OptionError(f"{_flag(name)} {folder}: the folder {there} cannot be written to: name another")
    log = given.get("log_file")
    if log is not None and not Path(log).parent.is_dir():
        raise OptionError(f"--log-file {log}: there is no folder {Path(log).parent}: make it first")


def _best_is_best(given: Given) -> None:
    name = str(given.get("best_checkpoint_metric"))
    if name == "bleu" and not given.get("eval_bleu"):
        raise OptionError("--best-checkpoint-metric bleu needs --eval-bleu, which computes it")
    upwards = _METRICS.get(name)
    if upwards is not None and upwards != given["maximize_best_checkpoint_metric"]:
        change = "add" if upwards else "leave out"
        raise OptionError(
            f"--best-checkpoint-metric {name} would keep the worst checkpoint: {change} "
            "--maximize-best-checkpoint-metric"
        )


def _literals_are_literals(given: Given) -> None:
    text = given.get("model_overrides")
    try:
        valid = isinstance(ast.literal_eval(text or "{}"), dict)
    except (ValueError, SyntaxError):
        valid = False
    if not valid:
        raise OptionError(f"--model-overrides {text} is no dictionary: write \"{{'dropout': 0.1}}\"")
    for name in ("post_process", "eval_bleu_remove_bpe"):
        _is_post_process(_flag(name), given.get(name))


def _is_post_process(flag: str, value: Optional[str]) -> None:
    try:
        data_utils.post_process("", value)
    except NotImplementedError:
        raise OptionError(f"{flag} {value} is unknown: use '@@ ' (subword-nmt) or sentencepiece") from None


def _blanks_are_read(given: Given) -> None:
    if given.get("infill") and "buffer_size" not in given:
        raise OptionError(
            "--infill is for fairseq-interactive, which reads targets with blanks: leave it out; to keep the "
            "beginnings of references there is fairseq-generate --prefix-size"
        )


def _prefixes_are_prefixes(given: Given) -> None:
    if given.get("prefix_size") and "buffer_size" in given:
        raise OptionError(
            f"--prefix-size {given['prefix_size']} is for fairseq-generate, which has references: with "
            "fairseq-interactive use --infill and targets such as 'Ein Mann <blank>'"
        )
    if given.get("prefix_size") and given.get("left_pad_target"):
        size = given["prefix_size"]
        raise OptionError(
            f"--prefix-size {size} would keep padding of --left-pad-target instead of words: leave one out"
        )


def _mean_something_here(given: Given) -> None:
    if "nbest" in given and given["task"] == "translation_cmlm":
        refuse_foreign_options(Namespace(**given))


def _criterion_is_ours(given: Given) -> None:
    name = given.get("criterion")
    if "max_update" in given and given["task"] == "translation_cmlm" and name != "cmlm_loss":
        raise OptionError(f"--criterion {name} is not for --task translation_cmlm: use --criterion cmlm_loss")


def _arch_has_its_task(given: Given) -> None:
    arch = given.get("arch")
    if ARCH_MODEL_NAME_REGISTRY.get(arch) == "cmlm" and not given["task"].startswith("translation_cmlm"):
        raise OptionError(f"--arch {arch} needs --task translation_cmlm, and --task is {given['task']}")


CHECKS: tuple[Callable[[Given], None], ...] = (
    _mean_something_here,
    _criterion_is_ours,
    _arch_has_its_task,
    _blanks_are_read,
    _prefixes_are_prefixes,
    _models_exist,
    _files_exist,
    _bpe_has_its_file,
    _tokenizer_has_its_languages,
    _processes_can_start,
    _numbers_have_hardware,
    _numbers_are_large_enough,
    _batches_fit,
    _output_can_be_written,
    _best_is_best,
    _literals_are_literals,
)
