"""`fairseq-cmlm convert`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("checkpoint", type=Path, help="the released code's checkpoint")
    parser.add_argument("output", type=Path, help="folder that receives model.pt and the dictionaries")
    parser.add_argument("--dictionaries", type=Path, help="folder of dict.*.txt (default: the checkpoint's own)")
    parser.add_argument(
        "-s", "--source-lang", help="source language, if the checkpoint does not name it as dict.*.txt do"
    )
    parser.add_argument("-t", "--target-lang", help="target language, likewise")
    parser.add_argument(
        "--text-pipeline", type=Path, metavar="FILE", help="text.json that tells how the model's text was prepared"
    )
    parser.add_argument(
        "--check",
        type=Path,
        metavar="FILE",
        help="then translate this BPE text, one line a sentence (exact mode, T=10, l=5)",
    )


def run(options: argparse.Namespace) -> str:
    """Convert; then, with --check, translate the lines of a file as the released code would."""
    from fairseq_cmlm.conversion.convert import convert
    from fairseq_cmlm.files import read_lines
    from fairseq_cmlm.translator import Translator

    lines = read_lines(options.check) if options.check else []
    dictionaries = options.dictionaries or options.checkpoint.parent
    languages = (options.source_lang, options.target_lang)
    report = "\n".join(convert(options.checkpoint, dictionaries, options.output, *languages, options.text_pipeline))
    if not lines:
        return report
    print(report, flush=True)
    translations = Translator(options.output / "model.pt", text_pipeline="none").translate(lines, original=True)
    return "\n".join(f"check   {line}\n        {found.text}" for line, found in zip(lines, translations))
