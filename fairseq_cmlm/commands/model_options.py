"""Options that name a model and the preparation of its text, for the subcommands that translate."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from fairseq_cmlm.commands.text_options import add_text_options
from fairseq_cmlm.errors import OptionError

if TYPE_CHECKING:
    from fairseq_cmlm.translator import Translator


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the checkpoint and the options that `translator_of` reads."""
    parser.add_argument("checkpoint", type=Path, help="the model")
    add_data_options(parser)
    add_text_options(parser)
    add_device(parser)


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the folder of the dictionaries, and the languages."""
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="folder of dict.*.txt (default: its own)")
    parser.add_argument(
        "-s", "--source-lang", help="source language, if neither the checkpoint nor dict.*.txt names it"
    )
    parser.add_argument("-t", "--target-lang", help="target language, likewise")


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add the device."""
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")


def translator_of(options: argparse.Namespace, checkpoint: Optional[Path] = None) -> Translator:
    """Load the model that the options name, or another `checkpoint` with the same preparation of text."""
    from fairseq_cmlm.translator import Translator

    return Translator(checkpoint or options.checkpoint, **loading(options))


def refuse_text_options(options: argparse.Namespace) -> None:
    """Raise an OptionError for options that do not prepare the text of fairseq's Transformer, which has a text.json."""
    none = "none" if options.text_pipeline == "none" else None
    for name, value in (("tokenizer", options.tokenizer), ("bpe-codes", options.bpe_codes), ("text-pipeline", none)):
        if value:
            raise OptionError(
                f"--{name} {value} is not for the autoregressive {options.checkpoint}, whose text is prepared by the "
                "text.json in the folder of its data or by --text-pipeline FILE: leave it out"
            )


def loading(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of a Translator other than its checkpoint."""
    names = ("data", "source_lang", "target_lang", "tokenizer", "bpe_codes", "text_pipeline", "device")
    return {name: getattr(options, name) for name in names}
