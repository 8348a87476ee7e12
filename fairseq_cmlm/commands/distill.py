"""`fairseq-cmlm distill`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "outputs", nargs="+", type=Path, metavar="OUTPUT", help="output of fairseq-generate, all shards"
    )
    parser.add_argument("--source", type=Path, required=True, metavar="FILE", help="the source text, as preprocessed")
    parser.add_argument("--output", required=True, metavar="PREFIX", help="the files to write, without their languages")
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FILE",
        help="the human translations, as preprocessed: take, of the hypotheses of --nbest, those most like them",
    )
    parser.add_argument("-s", "--source-lang", required=True, help="PREFIX.SOURCE_LANG is a copy of --source")
    parser.add_argument("-t", "--target-lang", required=True, help="PREFIX.TARGET_LANG holds the translations")


def run(options: argparse.Namespace) -> str:
    """Write the corpus, and return what was read and written."""
    from fairseq_cmlm.distillation import distill

    languages = (options.source_lang, options.target_lang)
    return "\n".join(distill(options.outputs, options.source, options.output, languages, options.reference))
