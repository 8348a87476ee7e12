"""`fairseq-cmlm report`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

from fairseq_cmlm.commands.model_options import add_data_options, add_device
from fairseq_cmlm.commands.named_file import named_file
from fairseq_cmlm.commands.text_options import add_text_options
from fairseq_cmlm.experiments.decoding_flags import add_decoding_flags, given_decoding
from fairseq_cmlm.experiments.report_options import ReportOptions
from fairseq_cmlm.experiments.tables import TABLES


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("checkpoint", type=Path, help="the model")
    parser.add_argument("--source", type=Path, required=True, metavar="FILE", help="the text, a sentence a line")
    parser.add_argument("--reference", type=Path, required=True, metavar="FILE", help="its translation")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="folder for report.md, report.json and plots"
    )
    parser.add_argument("--name", default="model", help="name of the model in the tables (default: %(default)s)")
    parser.add_argument(
        "--teacher", type=Path, metavar="CHECKPOINT", help="fairseq's autoregressive Transformer, or a hybrid"
    )
    parser.add_argument(
        "--compare",
        nargs="+",
        type=named_file,
        default=[],
        metavar="NAME=CHECKPOINT",
        help="other models to compare with, such as one trained on raw data",
    )
    parser.add_argument("--tables", nargs="+", default=[], metavar="TABLE", help=f"only these: {', '.join(TABLES)}")
    add_data_options(parser)
    add_text_options(parser)
    parser.add_argument(
        "--target-bpe-codes", type=Path, metavar="FILE", help="BPE codes of the target language, if it has its own"
    )
    parser.add_argument(
        "--tokenize",
        metavar="NAME",
        help="sacreBLEU's tokenizer (default: the target language's, 13a or zh; none for tokens)",
    )
    add_device(parser)
    parser.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="sentences in a batch (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds of timing (default: %(default)s)")
    add_decoding_flags(parser)


def run(options: argparse.Namespace) -> str:
    """Write the report and return it; end with one line if interrupted."""
    from fairseq_cmlm.experiments.report import report

    try:
        return report(report_options(options))
    except KeyboardInterrupt:
        sys.exit(f"fairseq-cmlm report: interrupted; the same command goes on with what is in {options.output}")


def report_options(options: argparse.Namespace) -> ReportOptions:
    """Convert the parsed options to those of the report."""
    given = {one.name: getattr(options, one.name) for one in fields(ReportOptions) if one.name != "decoding"}
    return ReportOptions(**given, decoding=given_decoding(vars(options)))
