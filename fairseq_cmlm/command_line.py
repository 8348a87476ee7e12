"""The console command `fairseq-cmlm`."""

import argparse
import contextlib
import logging
import sys
import warnings
from pathlib import Path
from typing import Any, Iterator, Optional, Sequence

from fairseq_cmlm.averaging import average
from fairseq_cmlm.conversion.convert import convert
from fairseq_cmlm.distillation import distill
from fairseq_cmlm.errors import UserError
from fairseq_cmlm.evaluation.generated import read_lines
from fairseq_cmlm.evaluation.score import score_table
from fairseq_cmlm.reporting.curves import curves
from fairseq_cmlm.reporting.report import report
from fairseq_cmlm.reporting.report_options import ReportOptions
from fairseq_cmlm.reporting.tables import TABLES
from fairseq_cmlm.translator import Translator


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Run `fairseq-cmlm` with `arguments`, those of the process if None. An error ends it with one line, status 1."""
    parsed = _parser().parse_args(arguments)
    parsed.words = sys.argv[1:] if arguments is None else arguments
    try:
        with _without_logs():
            print(parsed.run(parsed))
    except UserError as error:
        sys.exit(f"fairseq-cmlm {parsed.command}: {error}")


@contextlib.contextmanager
def _without_logs() -> Iterator[None]:
    """Keep what fairseq and hydra log and warn of, for their own developers, off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _convert(options: argparse.Namespace) -> str:
    """Convert; then, with --check, translate the lines of a file as the released code would."""
    lines = read_lines(options.check) if options.check else []
    dictionaries = options.dictionaries or options.checkpoint.parent
    languages = (options.source_lang, options.target_lang)
    report = "\n".join(convert(options.checkpoint, dictionaries, options.output, *languages))
    if not lines:
        return report
    print(report, flush=True)
    translations = Translator(options.output / "model.pt").translate(lines, original=True)
    return "\n".join(f"check   {line}\n        {found.text}" for line, found in zip(lines, translations))


def _score(options: argparse.Namespace) -> str:
    return score_table(options.outputs, options.reference, options.tokenize, options.tokenised_reference)


def _average(options: argparse.Namespace) -> str:
    return "\n".join(average(options.checkpoints, options.output, options.best))


def _distill(options: argparse.Namespace) -> str:
    languages = (options.source_lang, options.target_lang)
    return "\n".join(distill(options.outputs, options.source, options.output, languages))


def _report(options: argparse.Namespace) -> str:
    """The report; an interruption ends it with one line too."""
    given = {name: value for name, value in vars(options).items() if name not in ("command", "run")}
    try:
        return report(ReportOptions(**given))
    except KeyboardInterrupt:
        sys.exit(f"fairseq-cmlm report: interrupted; the same command goes on with what is in {options.output}")


def _named_file(text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=FILE")
    return name, Path(file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fairseq-cmlm", description="Mask-Predict for fairseq")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    path = commands.add_parser("path", help="print the folder for fairseq's --user-dir")
    path.set_defaults(run=lambda _: Path(__file__).resolve().parent)

    conversion = commands.add_parser("convert", help="make a checkpoint of the paper's released code readable")
    conversion.add_argument("checkpoint", type=Path, help="the released code's checkpoint")
    conversion.add_argument("output", type=Path, help="folder that receives model.pt and the dictionaries")
    conversion.add_argument("--dictionaries", type=Path, help="folder of dict.*.txt (default: the checkpoint's own)")
    conversion.add_argument("-s", "--source-lang", help="if the checkpoint does not tell it, or not as in dict.*.txt")
    conversion.add_argument("-t", "--target-lang", help="the same of the target language")
    conversion.add_argument(
        "--check",
        type=Path,
        metavar="FILE",
        help="then translate this BPE text, one line a sentence (exact mode, T=10, l=5)",
    )
    conversion.set_defaults(run=_convert)

    score = commands.add_parser("score", help="score outputs of fairseq-generate: BLEU, chrF, repeated tokens")
    score.add_argument("outputs", nargs="+", type=Path, metavar="OUTPUT", help="what fairseq-generate printed")
    score.add_argument("--reference", nargs="+", type=Path, required=True, metavar="FILE", help="raw reference text")
    score.add_argument("--tokenize", metavar="NAME", help="sacreBLEU's tokenizer (default: 13a; zh for Chinese)")
    score.add_argument(
        "--tokenised-reference",
        type=Path,
        metavar="FILE",
        help="also BLEU of the words as the model wrote them, subwords joined, against this tokenised text",
    )
    score.set_defaults(run=_score)

    averaging = commands.add_parser("average", help="average the parameters of checkpoints")
    averaging.add_argument("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT", help="or, with --best, a folder")
    averaging.add_argument("--output", type=Path, required=True, metavar="FILE", help="the checkpoint to write")
    averaging.add_argument(
        "--best", type=int, metavar="N", help="only the N best by the training's --best-checkpoint-metric (or loss)"
    )
    averaging.set_defaults(run=_average)

    distillation = commands.add_parser("distill", help="make a corpus of a teacher's translations of the training text")
    distillation.add_argument("outputs", nargs="+", type=Path, metavar="OUTPUT", help="of fairseq-generate, all shards")
    distillation.add_argument("--source", type=Path, required=True, metavar="FILE", help="the text, as preprocessed")
    distillation.add_argument("--output", required=True, metavar="PREFIX", help="the files, without their languages")
    distillation.add_argument("-s", "--source-lang", required=True, help="PREFIX.SOURCE_LANG is a copy of --source")
    distillation.add_argument("-t", "--target-lang", required=True, help="PREFIX.TARGET_LANG holds the translations")
    distillation.set_defaults(run=_distill)
    _add_report(commands)

    plotting = commands.add_parser("curves", help="BLEU and loss on the validation set by updates")
    plotting.add_argument(
        "logs", nargs="+", type=_named_file, metavar="NAME=LOG", help="a training's name, and its log"
    )
    plotting.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="curves.md and curves.png")
    plotting.set_defaults(run=lambda options: curves(options.logs, options.output))
    return parser


def _add_report(commands: Any) -> None:
    """The options of `report`; `commands` are argparse's subparsers."""
    reporting = commands.add_parser("report", help="the tables and plots of the paper, of a trained model")
    reporting.add_argument("checkpoint", type=Path, help="the model")
    reporting.add_argument("--source", type=Path, required=True, metavar="FILE", help="the text, a sentence a line")
    reporting.add_argument("--reference", type=Path, required=True, metavar="FILE", help="its translation")
    reporting.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="report.md, report.json, plots")
    reporting.add_argument("--name", default="model", help="what the tables call it (default: %(default)s)")
    reporting.add_argument("--teacher", type=Path, metavar="CHECKPOINT", help="fairseq's autoregressive Transformer")
    reporting.add_argument(
        "--compare",
        nargs="+",
        type=_named_file,
        default=[],
        metavar="NAME=CHECKPOINT",
        help="other models beside it, as one trained on raw data",
    )
    reporting.add_argument("--tables", nargs="+", default=[], metavar="TABLE", help=f"only these: {', '.join(TABLES)}")
    reporting.add_argument("--data", type=Path, metavar="FOLDER", help="of dict.*.txt (default: the checkpoint's own)")
    reporting.add_argument("-s", "--source-lang", help="if neither the checkpoint nor dict.*.txt tells it")
    reporting.add_argument("-t", "--target-lang", help="the same of the target language")
    reporting.add_argument("--tokenizer", metavar="NAME", help="moses, if the texts are raw (default: tokenised)")
    reporting.add_argument("--bpe-codes", type=Path, metavar="FILE", help="if the texts are not split into subwords")
    reporting.add_argument(
        "--target-bpe-codes", type=Path, metavar="FILE", help="if the target language has codes of its own"
    )
    reporting.add_argument("--tokenize", metavar="NAME", help="sacreBLEU's (default: 13a with --tokenizer, else none)")
    reporting.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    reporting.add_argument("--batch-size", type=int, default=32, metavar="N", help="sentences (default: %(default)s)")
    reporting.add_argument("--rounds", type=int, default=3, metavar="N", help="of timing (default: %(default)s)")
    reporting.set_defaults(run=_report)
