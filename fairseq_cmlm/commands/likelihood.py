"""`fairseq-cmlm likelihood`: measure how likely given translations are under a model."""

from __future__ import annotations

import argparse
import math

from fairseq_cmlm.commands.naming_lines import naming_lines
from fairseq_cmlm.commands.references import add_model_and_references, model_and_references


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_model_and_references(parser)
    parser.add_argument("--samples", type=int, default=16, metavar="N", help="maskings of each line (%(default)s)")
    parser.add_argument("--lines", action="store_true", help="print each line's bound, in nats, and its tokens first")


def run(options: argparse.Namespace) -> str:
    """Return the bound and the perplexity of the whole text, with --lines after those of each line."""
    from fairseq_cmlm import __version__

    translator, texts, targets = model_and_references(options)
    with naming_lines(texts=options.source, targets=options.target):
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
