"""`fairseq-cmlm report`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

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
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="report.md, report.json, plots")
    parser.add_argument("--name", default="model", help="what the tables call it (default: %(default)s)")
    parser.add_argument("--teacher", type=Path, metavar="CHECKPOINT", help="fairseq's autoregressive Transformer")
    parser.add_argument(
        "--compare",
        nargs="+",
        type=named_file,
        default=[],
        metavar="NAME=CHECKPOINT",
        help="other models beside it, as one trained on raw data",
    )
    parser.add_argument("--tables", nargs="+", default=[], metavar="TABLE", help=f"only these: {', '.join(TABLES)}")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="of dict.*.txt (default: the checkpoint's own)")
    parser.add_argument("-s", "--source-lang", help="if neither the checkpoint nor dict.*.txt tells it")
    parser.add_argument("-t", "--target-lang", help="the same of the target language")
    add_text_options(parser)
    parser.add_argument(
        "--target-bpe-codes", type=Path, metavar="FILE", help="if the target language has codes of its own"
    )
    parser.add_argument(
        "--tokenize", metavar="NAME", help="sacreBLEU's (default: the target language's, 13a or zh; none for tokens)"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="sentences (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of timing (default: %(default)s)")
    add_decoding_flags(parser)


def run(options: argparse.Namespace) -> str:
    """Write the report and return it; an interruption ends it with one line too."""
    from fairseq_cmlm.experiments.report import report

    try:
        return report(report_options(options))
    except KeyboardInterrupt:
        sys.exit(f"fairseq-cmlm report: interrupted; the same command goes on with what is in {options.output}")


def report_options(options: argparse.Namespace) -> ReportOptions:
    """Return the parsed options as those of the report."""
    given = {one.name: getattr(options, one.name) for one in fields(ReportOptions) if one.name != "decoding"}
    return ReportOptions(**given, decoding=given_decoding(vars(options)))
