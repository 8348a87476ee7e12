"""The console command `fairseq-cmlm`."""

import argparse
import sys
from pathlib import Path
from typing import Optional, Sequence

from fairseq_cmlm.conversion.convert import convert
from fairseq_cmlm.errors import CheckpointError, TextError
from fairseq_cmlm.evaluation.score import score_table


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Run `fairseq-cmlm` with `arguments`, those of the process if None. An error ends it with one line, status 1."""
    parsed = _parser().parse_args(arguments)
    try:
        print(parsed.run(parsed))
    except (CheckpointError, TextError) as error:
        sys.exit(f"fairseq-cmlm {parsed.command}: {error}")


def _convert(options: argparse.Namespace) -> str:
    dictionaries = options.dictionaries or options.checkpoint.parent
    return "\n".join(convert(options.checkpoint, dictionaries, options.output))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fairseq-cmlm", description="Mask-Predict for fairseq")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    path = commands.add_parser("path", help="print the folder for fairseq's --user-dir")
    path.set_defaults(run=lambda _: Path(__file__).resolve().parent)

    conversion = commands.add_parser("convert", help="make a checkpoint of the paper's released code readable")
    conversion.add_argument("checkpoint", type=Path, help="the released code's checkpoint")
    conversion.add_argument("output", type=Path, help="folder that receives model.pt and the dictionaries")
    conversion.add_argument("--dictionaries", type=Path, help="folder of dict.*.txt (default: the checkpoint's own)")
    conversion.set_defaults(run=_convert)

    score = commands.add_parser("score", help="score outputs of fairseq-generate: BLEU, chrF, repeated tokens")
    score.add_argument("outputs", nargs="+", type=Path, metavar="OUTPUT", help="what fairseq-generate printed")
    score.add_argument("--reference", nargs="+", type=Path, required=True, metavar="FILE", help="raw reference text")
    score.add_argument("--tokenize", metavar="NAME", help="sacreBLEU's tokenizer (default: 13a; zh for Chinese)")
    score.set_defaults(run=lambda options: score_table(options.outputs, options.reference, options.tokenize))
    return parser
