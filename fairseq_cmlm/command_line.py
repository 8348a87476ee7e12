"""The console command `fairseq-cmlm`."""

import argparse
import contextlib
import logging
import sys
import warnings
from pathlib import Path
from typing import Iterator, Optional, Sequence

from fairseq_cmlm.averaging import average
from fairseq_cmlm.conversion.convert import convert
from fairseq_cmlm.distillation import distill
from fairseq_cmlm.errors import UserError
from fairseq_cmlm.evaluation.generated import read_lines
from fairseq_cmlm.evaluation.score import score_table
from fairseq_cmlm.translator import Translator


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Run `fairseq-cmlm` with `arguments`, those of the process if None. An error ends it with one line, status 1."""
    parsed = _parser().parse_args(arguments)
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


def _average(options: argparse.Namespace) -> str:
    return "\n".join(average(options.checkpoints, options.output, options.best))


def _distill(options: argparse.Namespace) -> str:
    languages = (options.source_lang, options.target_lang)
    return "\n".join(distill(options.outputs, options.source, options.output, languages))


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
    score.set_defaults(run=lambda options: score_table(options.outputs, options.reference, options.tokenize))

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
    return parser
