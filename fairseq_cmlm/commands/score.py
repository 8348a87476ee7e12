"""`fairseq-cmlm score`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("outputs", nargs="+", type=Path, metavar="OUTPUT", help="what fairseq-generate printed")
    parser.add_argument("--reference", nargs="+", type=Path, required=True, metavar="FILE", help="raw reference text")
    parser.add_argument("--tokenize", metavar="NAME", help="sacreBLEU's tokenizer (default: the language's, 13a or zh)")
    parser.add_argument(
        "--tokenised-reference",
        type=Path,
        metavar="FILE",
        help="also BLEU of the words as the model wrote them, subwords joined, against this tokenised text",
    )


def run(options: argparse.Namespace) -> str:
    """Return the table of scores."""
    from fairseq_cmlm.measures.score import score_table

    return score_table(options.outputs, options.reference, options.tokenize, options.tokenised_reference)
