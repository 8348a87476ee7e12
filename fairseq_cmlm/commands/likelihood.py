"""`fairseq-cmlm likelihood`: how likely given translations are under a model."""

from __future__ import annotations

import argparse
import math
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("checkpoint", type=Path, help="the model")
    parser.add_argument("--source", type=Path, required=True, metavar="FILE", help="the text, a sentence a line")
    parser.add_argument("--target", type=Path, required=True, metavar="FILE", help="its translation, line by line")
    parser.add_argument("--samples", type=int, default=16, metavar="N", help="maskings of each line (%(default)s)")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="of dict.*.txt (default: the checkpoint's own)")
    parser.add_argument("-s", "--source-lang", help="if neither the checkpoint nor dict.*.txt tells it")
    parser.add_argument("-t", "--target-lang", help="the same of the target language")
    parser.add_argument("--tokenizer", metavar="NAME", help="moses, if the texts are raw (default: tokenised)")
    parser.add_argument("--bpe-codes", type=Path, metavar="FILE", help="if the texts are not split into subwords")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    parser.add_argument("--lines", action="store_true", help="print each line's bound, in nats, and its tokens first")


def run(options: argparse.Namespace) -> str:
    """Return the bound for the whole text, and its perplexity; with --lines that of each line before."""
    from fairseq_cmlm import __version__
    from fairseq_cmlm.errors import TextError
    from fairseq_cmlm.files import read_lines
    from fairseq_cmlm.translator import Translator

    texts, targets = read_lines(options.source), read_lines(options.target)
    if len(texts) != len(targets):
        raise TextError(
            f"{options.source} has {len(texts)} lines and {options.target} {len(targets)}: must be parallel"
        )
    if not texts:
        raise TextError(f"{options.source} is empty: there is nothing to measure")
    translator = Translator(
        options.checkpoint,
        options.data,
        source_lang=options.source_lang,
        target_lang=options.target_lang,
        tokenizer=options.tokenizer,
        bpe_codes=options.bpe_codes,
        device=options.device,
    )
    found = translator.likelihood(texts, targets, samples=options.samples)
    lines = [f"{one.bound:.3f}\t{one.tokens}" for one in found] if options.lines else []
    bound, tokens = sum(one.bound for one in found), sum(one.tokens for one in found)
    mean = bound / tokens
    return "\n".join(
        [
            *lines,
            f"-ln p(target | source) <= {bound / len(found):.2f} nats a sentence, {mean:.3f} a token "
            f"({mean / math.log(2):.3f} bits), perplexity <= {math.exp(mean):.2f}",
            f"of {len(found)} sentences, {tokens} tokens, </s> included",
            f"likelihood bound|samples:{options.samples}|length:yes|version:{__version__}",
        ]
    )
