"""Repairs of fairseq for today's Python and torch.

Each repair is one function that says what breaks, since when, and where it is reported. Each looks first whether its
fault is there, and does nothing where it is not. They are applied when the package is imported as --user-dir, before a
command parses its options.
"""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Iterator, Optional

import numpy as np
import torch
from fairseq import checkpoint_utils, options, utils
from fairseq.data import data_utils
from fairseq.trainer import Trainer

from fairseq_cmlm.checkpoints.reading import explained, safe_types
from fairseq_cmlm.errors import CheckpointError, OptionError, TextError, UserError


def allow_checkpoint_types() -> None:
    """Loading fails on types that fairseq itself puts into checkpoints.

    torch >= 2.6 unpickles tensors and plain types only (weights_only), but an argparse.Namespace (models with old-style
    options) and numpy numbers (--eval-bleu) are in fairseq's checkpoints. Only these harmless types are added.
    """
    torch.serialization.add_safe_globals(safe_types())


def explain_unreadable_checkpoints() -> None:
    """Torch's refusal of foreign pickled code (weights_only, torch >= 2.6) advises to switch the safety off.

    Say instead what the file holds, and what to do.
    """
    original = checkpoint_utils.load_checkpoint_to_cpu

    @functools.wraps(original)
    def load_checkpoint_to_cpu(path: str, *args: Any, **kwargs: Any) -> Any:
        with explained(path, instead=": use a checkpoint that fairseq-train wrote"):
            return original(path, *args, **kwargs)

    checkpoint_utils.load_checkpoint_to_cpu = load_checkpoint_to_cpu


def show_why_parameters_do_not_load() -> None:
    """Trainer.load_checkpoint turns every reason into "please ensure that the architectures match" (fairseq 0.12).

    Let this package's own reasons through.
    """
    original = Trainer.load_checkpoint

    @functools.wraps(original)
    def load_checkpoint(self: Trainer, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, *args, **kwargs)
        except Exception as error:
            if isinstance(error.__context__, CheckpointError):
                raise error.__context__ from None
            raise

    Trainer.load_checkpoint = load_checkpoint


def keep_last_batch() -> None:
    """Sentences are lost: a last batch whose size is no multiple of --required-batch-size-multiple is dropped.

    fairseq main and fairseq-fixed, not 0.12.2; fairseq issues 5036, 5094, 5351. No sentences at all are an IndexError.
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


def mend_precision_options() -> None:
    """--bf16 turns --tpu on, which fails without torch_xla; --fp16 flattens gradients with CUDA kernels (fairseq 0.12).

    Without torch_xla no TPU can be meant; on a CPU the gradients stay as they are.
    """
    original = options.parse_args_and_arch

    def mend(args: argparse.Namespace) -> None:
        if getattr(args, "tpu", False) and utils.xm is None:
            if not args.bf16:
                raise OptionError("--tpu needs torch_xla, which is not installed")
            args.tpu = False
        if getattr(args, "fp16", False) and (args.cpu or not torch.cuda.is_available()):
            args.fp16_no_flatten_grads = True

    @functools.wraps(original)
    def parse_args_and_arch(*args: Any, **kwargs: Any) -> Any:
        parsed = original(*args, **kwargs)
        mend(parsed[0] if isinstance(parsed, tuple) else parsed)
        return parsed

    options.parse_args_and_arch = parse_args_and_arch


def name_undecodable_lines() -> None:
    """fairseq-interactive stops at invalid UTF-8 with a position in an unnamed buffer; name the file and the line."""
    interactive = sys.modules.get("fairseq_cli.interactive")
    if interactive is not None:
        interactive.buffered_read = buffered_read  # type: ignore[attr-defined]


def buffered_read(input: str, buffer_size: int) -> Iterator[list[str]]:
    """Yield the stripped lines of the file `input` ("-" is standard input), `buffer_size` at a time."""
    buffer: list[str] = []
    with open(sys.stdin.fileno() if input == "-" else input, "rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                buffer.append(line.decode("utf-8").strip())
            except UnicodeDecodeError as error:
                raise TextError(
                    f"line {number} of {input} is not UTF-8 ({error.reason} at byte {error.start + 1}): convert it"
                ) from None
            if len(buffer) >= buffer_size:
                yield buffer
                buffer = []
    if buffer:
        yield buffer


def end_with_the_message() -> None:
    """An error that a user can mend ends fairseq's commands with a traceback (all versions); show its message alone."""
    command = Path(sys.argv[0]).name
    if not command.startswith("fairseq-"):
        return  # a program that imports the package keeps its own ways
    original = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: Optional[TracebackType]) -> None:
        if isinstance(error, UserError):
            print(f"{command}: error: {error}", file=sys.stderr)
        else:
            original(kind, error, trace)

    sys.excepthook = excepthook


REPAIRS: list[Callable[[], None]] = [
    allow_checkpoint_types,
    explain_unreadable_checkpoints,
    show_why_parameters_do_not_load,
    keep_last_batch,
    mend_precision_options,
    name_undecodable_lines,
    end_with_the_message,
]


def repair_fairseq() -> None:
    """Apply every repair."""
    for repair in REPAIRS:
        repair()
