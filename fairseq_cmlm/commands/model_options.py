"""The options that name a model and the preparation of its text, for the subcommands that translate."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from fairseq_cmlm.commands.text_options import add_text_options

if TYPE_CHECKING:
    from fairseq_cmlm.translator import Translator


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the checkpoint and what `translator_of` needs beside it."""
    parser.add_argument("checkpoint", type=Path, help="the model")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="of dict.*.txt (default: the checkpoint's own)")
    parser.add_argument("-s", "--source-lang", help="if neither the checkpoint nor dict.*.txt tells it")
    parser.add_argument("-t", "--target-lang", help="the same of the target language")
    add_text_options(parser)
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")


def translator_of(options: argparse.Namespace, checkpoint: Optional[Path] = None) -> Translator:
    """Load the model that is named, or another `checkpoint` with the same preparation of its text."""
    from fairseq_cmlm.translator import Translator

    return Translator(checkpoint or options.checkpoint, **loading(options))


def loading(options: argparse.Namespace) -> dict[str, Any]:
    """Return what a Translator is told beside its checkpoint."""
    names = ("data", "source_lang", "target_lang", "tokenizer", "bpe_codes", "text_pipeline", "device")
    return {name: getattr(options, name) for name in names}
