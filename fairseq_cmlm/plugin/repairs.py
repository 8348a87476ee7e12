"""Repairs of fairseq for today's Python and torch.

Each repair is one function that says what breaks, since when, and where it is reported. It first checks whether the
fault is there, and does nothing otherwise. Repairs are applied when the package is imported as --user-dir, before a
command parses its options.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import textwrap
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Iterator, Optional

import numpy as np
import torch
from fairseq import checkpoint_utils, options, utils
from fairseq.data import data_utils
from fairseq.data.encoders.subword_nmt_bpe import SubwordNMTBPE
from fairseq.trainer import Trainer
from torch.multiprocessing.spawn import ProcessRaisedException

from fairseq_cmlm.checkpoints.reading import explained, read_checkpoint, safe_types
from fairseq_cmlm.errors import CheckpointError, UserError
from fairseq_cmlm.files import text_lines
from fairseq_cmlm.plugin.command_options import check_options, prepare
from fairseq_cmlm.plugin.training_repairs import TRAINING_REPAIRS


def allow_checkpoint_types() -> None:
    """Repair: loading a checkpoint fails on types that fairseq itself puts into it.

    torch >= 2.6 unpickles tensors and plain types only (weights_only), but an argparse.Namespace (models with old-style
    options) and numpy numbers (--eval-bleu) are in fairseq's checkpoints. Only these harmless types are added.
    """
    torch.serialization.add_safe_globals(safe_types())


def explain_unreadable_checkpoints() -> None:
    """Repair: torch refuses foreign pickled code (weights_only, torch >= 2.6) and advises to switch the safety off.

    Say instead what the file holds and what to do.
    """
    original = checkpoint_utils.load_checkpoint_to_cpu

    @functools.wraps(original)
    def load_checkpoint_to_cpu(path: str, *args: Any, **kwargs: Any) -> Any:
        with explained(path, instead=": use a checkpoint that fairseq-train wrote"):
            return original(path, *args, **kwargs)

    checkpoint_utils.load_checkpoint_to_cpu = load_checkpoint_to_cpu


def show_why_parameters_do_not_load() -> None:
    """Repair: Trainer.load_checkpoint explains every failure by "please ensure that the architectures match" (0.12).

    Let this package's own messages through, and say which parameter or optimizer state does not fit.
    """
    original = Trainer.load_checkpoint

    @functools.wraps(original)
    def load_checkpoint(self: Trainer, filename: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, filename, *args, **kwargs)
        except Exception as error:
            if isinstance(error.__context__, CheckpointError):
                raise error.__context__ from None
            if isinstance(error.__context__, RuntimeError):  # torch's message about the parameters, one per line
                raise _other_model(filename, str(error.__context__).strip().splitlines()[-1].strip()) from None
            if "parameter group" in str(error):  # torch's message about the optimizer
                raise _other_model(filename, "the optimizer has other parameters") from None
            raise

    Trainer.load_checkpoint = load_checkpoint


def give_the_task_its_state() -> None:
    """Repair: fairseq-train saves the state of a task in checkpoints but does not read it on resuming (fairseq 0.12).

    A training would go on with differently prepared text unnoticed. Only this package's tasks get their state back.
    """
    original = Trainer.load_checkpoint

    @functools.wraps(original)
    def load_checkpoint(self: Trainer, filename: str, *args: Any, **kwargs: Any) -> Any:
        if Path(filename).is_file() and hasattr(self.task, "text"):
            state = read_checkpoint(Path(filename), memory_map=True)
            self.task.load_state_dict(state.get("task_state") or {})
        return original(self, filename, *args, **kwargs)

    Trainer.load_checkpoint = load_checkpoint


def _other_model(filename: str, difference: str) -> CheckpointError:
    return CheckpointError(
        f"{filename} is a model of other options ({textwrap.shorten(difference, 160)}): give --arch and the sizes and "
        "shared tables that it was trained with, or another --save-dir"
    )


def keep_last_batch() -> None:
    """Repair: sentences are lost when the last batch is no multiple of --required-batch-size-multiple.

    In fairseq main and fairseq-fixed, not 0.12.2; fairseq issues 5036, 5094, 5351. Without any sentence it raises an
    IndexError.
    """
    original = data_utils.batch_by_size
    three = np.ones(3, dtype=np.int64)
    if sum(map(len, original(np.arange(3), None, three, max_sentences=2, required_batch_size_multiple=2))) == 3:
        return

    @functools.wraps(original)
    def batch_by_size(indices: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(indices, np.ndarray):
            indices = np.fromiter(indices, dtype=np.int64, count=-1)
        if not len(indices):
            return []
        batches = list(original(indices, *args, **kwargs))
        missing = len(indices) - sum(map(len, batches))
        return [*batches, indices[-missing:]] if missing else batches

    data_utils.batch_by_size = batch_by_size


def check_the_options() -> None:
    """Repair: options that cannot work end in tracebacks or have no effect; command_options.py checks them.

    Also, --bf16 turns --tpu on, which fails without torch_xla (fairseq 0.12); without it no TPU can be meant. And
    options cannot be abbreviated: --iterations 4 would be read as --iterations-per-token 4.
    """
    original = options.parse_args_and_arch

    @functools.wraps(original)
    def parse_args_and_arch(
        parser: argparse.ArgumentParser,
        input_args: Optional[list[str]] = None,
        parse_known: bool = False,
        suppress_defaults: bool = False,
        modify_parser: Any = None,
    ) -> Any:
        # A program that passes arguments of its own makes a configuration and starts no command.
        command = input_args is None and not suppress_defaults
        if command:
            parser.allow_abbrev = False
            prepare(parser)
        parsed = original(parser, input_args, parse_known, suppress_defaults, modify_parser)
        given = parsed[0] if isinstance(parsed, tuple) else parsed
        if command:
            check_options(given)
        if getattr(given, "tpu", False) and utils.xm is None:
            given.tpu = False
        return parsed

    options.parse_args_and_arch = parse_args_and_arch


def read_whole_lines() -> None:
    """Repair: fairseq-interactive reads by `fileinput`, with other line ends and UTF-8 errors than all else here."""
    interactive = sys.modules.get("fairseq_cli.interactive")
    if interactive is not None:
        interactive.buffered_read = buffered_read  # type: ignore[attr-defined]


def buffered_read(input: str, buffer_size: int) -> Iterator[list[str]]:
    """Yield the lines of the file `input` ("-" is standard input), `buffer_size` at a time, without spaces around."""
    buffer: list[str] = []
    with open(sys.stdin.fileno() if input == "-" else input, "rb") as stream:
        for line in text_lines(stream, input):
            buffer.append(line.strip(" "))  # keep tabs: one may separate a source from an empty target
            if len(buffer) >= buffer_size:
                yield buffer
                buffer = []
    if buffer:
        yield buffer


def split_words_at_all_white_space() -> None:
    """Repair: subword-nmt takes tab, U+00A0 or U+2028 for a letter, but fairseq ends the word: both parts are <unk>.

    fairseq's dictionary and sacremoses end words at any white space; with this, --bpe subword_nmt (0.12) does too.
    """
    original = SubwordNMTBPE.encode

    @functools.wraps(original)
    def encode(self: SubwordNMTBPE, x: str) -> str:
        return str(original(self, " ".join(x.split())))

    SubwordNMTBPE.encode = encode


def end_with_the_message() -> None:
    """Repair: errors that a user can mend end fairseq's commands with a traceback (all versions); show the message.

    A reader that closes the pipe, as in `fairseq-generate ... | head`, is no error either.
    """
    command = Path(sys.argv[0]).name
    if not command.startswith("fairseq-"):
        return  # a program that imports the package keeps its own exception hook
    original = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: Optional[TracebackType]) -> None:
        message = _message_of(error)
        if message:
            print(f"{command}: error: {message}", file=sys.stderr)
        elif isinstance(error, BrokenPipeError):
            # Discard what Python still writes when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        else:
            original(kind, error, trace)

    sys.excepthook = excepthook


def _message_of(error: BaseException) -> str:
    """Return the message of an error for users, or "" if only the traceback explains it."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, FloatingPointError):  # raised by fairseq for NaN gradients or an exploding loss
        return f"the training diverged ({error}): lower --lr, or go on from an earlier checkpoint"
    if isinstance(error, ProcessRaisedException):  # raised with several processes; only text is left
        kind, _, message = str(error).strip().rpartition("\n")[2].partition(": ")
        return message if kind.startswith(f"{UserError.__module__}.") else ""
    return ""


REPAIRS: list[Callable[[], None]] = [
    allow_checkpoint_types,
    explain_unreadable_checkpoints,
    show_why_parameters_do_not_load,
    give_the_task_its_state,
    keep_last_batch,
    check_the_options,
    read_whole_lines,
    split_words_at_all_white_space,
    *TRAINING_REPAIRS,
    end_with_the_message,
]


def repair_fairseq() -> None:
    """Apply every repair."""
    for repair in REPAIRS:
        repair()
