"""`fairseq-cmlm score`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Sequence

from fairseq_cmlm.errors import OptionError

if TYPE_CHECKING:
    from fairseq_cmlm.measures.measure import Perplexity

_OF_REFERENCES, _OF_EXAMPLES = ("tokenised_reference",), ("json", "confusion", "judge")
_SAMPLES = 4  # maskings of each answer; the mean is over all answers


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("outputs", nargs="+", type=Path, metavar="OUTPUT", help="what fairseq-generate printed")
    gold = parser.add_mutually_exclusive_group(required=True)
    gold.add_argument("--reference", nargs="+", type=Path, metavar="FILE", help="raw reference text")
    gold.add_argument(
        "--examples",
        type=Path,
        metavar="FILE",
        help="instead, the .jsonl of a format: print its measures, and the passes, tokens a pass and time in OUTPUT or "
        "OUTPUT.log",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="with --examples: also write the results to this file"
    )
    parser.add_argument(
        "--confusion",
        type=Path,
        metavar="FILE",
        help="with --examples of a classification: draw confusion matrices in this file",
    )
    parser.add_argument(
        "--judge",
        type=Path,
        metavar="CHECKPOINT",
        help="with --examples: a CMLM that measures the perplexity of the answers, for formats that report it",
    )
    parser.add_argument("--tokenize", metavar="NAME", help="sacreBLEU's tokenizer (default: the language's, 13a or zh)")
    parser.add_argument(
        "--tokenised-reference",
        type=Path,
        metavar="FILE",
        help="also print BLEU of the model's own words, subwords joined, against this tokenised text",
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="OUTPUT",
        help="also print the differences from this output with p-values: of BLEU and chrF by paired bootstrap, of "
        "accuracy, exact blanks and answers, given words kept, F1 of answers and ROUGE-L by a sign or permutation test",
    )


def run(options: argparse.Namespace) -> str:
    """Return the table of scores."""
    for name in _OF_REFERENCES if options.examples else _OF_EXAMPLES:
        if getattr(options, name):
            beside = "--reference, and --examples is given" if options.examples else "the --examples of a format"
            raise OptionError(f"--{name.replace('_', '-')} {getattr(options, name)} is for {beside}")
    return _of_examples(options) if options.examples else _of_references(options)


def _of_references(options: argparse.Namespace) -> str:
    from fairseq_cmlm.measures.score import score_table

    given = (options.tokenize, options.tokenised_reference, options.against)
    return score_table(options.outputs, options.reference, *given)


def _of_examples(options: argparse.Namespace) -> str:
    from fairseq_cmlm.files import write_text
    from fairseq_cmlm.formats.score import score_examples
    from fairseq_cmlm.render.confusion import check_picture

    if options.confusion:
        check_picture(options.confusion)
        _refuse_without_labels(options)
    judge = _judge(options.judge) if options.judge else None
    results = score_examples(options.outputs, options.examples, options.tokenize, judge, options.against)
    if options.json:
        write_text(options.json, results.to_json())
    drawn = [_draw(options)] if options.confusion else []
    return "\n".join([results.to_markdown(), *drawn])


def _refuse_without_labels(options: argparse.Namespace) -> None:
    """Raise an OptionError if there is nothing to confuse."""
    from fairseq_cmlm.formats.score import read_gold

    name, examples = read_gold(options.examples)
    if "labels" not in examples[0].details:
        raise OptionError(f"--confusion {options.confusion}: the format {name} has no labels to confuse; leave it out")


def _draw(options: argparse.Namespace) -> str:
    """Draw confusion matrices if matplotlib is installed; return a line that says so, or what is missing."""
    from fairseq_cmlm.formats.score import confusions
    from fairseq_cmlm.render.confusion import draw_confusion
    from fairseq_cmlm.render.plots import MISSING, figure_class

    figure = figure_class()
    if figure is None:
        return MISSING
    found = confusions(options.outputs, options.examples)
    draw_confusion(found.counts, found.labels, options.confusion, figure)
    return f"confusion matrices: {options.confusion}"


def _judge(checkpoint: Path) -> Perplexity:
    """Return a judge that estimates an upper bound of the perplexity of texts as answers to sources."""
    from fairseq_cmlm import __version__
    from fairseq_cmlm.measures.measure import Perplexity
    from fairseq_cmlm.options import signed_file
    from fairseq_cmlm.translator import Translator

    translator = Translator(checkpoint)

    def perplexity(sources: Sequence[str], texts: Sequence[str]) -> float:
        found = translator.likelihood(sources, texts, samples=_SAMPLES)
        return math.exp(sum(one.bound for one in found) / sum(one.tokens for one in found))

    told = f"judge:{signed_file(checkpoint)}|upper bound|samples:{_SAMPLES}|version:{__version__}"
    return Perplexity(perplexity, told)
