"""The options of `python -m benchmarks decoding`, checked."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from benchmarks.models import Size, words_of
from benchmarks.sentences import DISTRIBUTIONS, Sentence, random_words, read_pairs
from fairseq_cmlm.errors import OptionError


def add_sentences(parser: argparse.ArgumentParser) -> None:
    """What they are."""
    parser.add_argument("--sentences", type=int, default=16, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument(
        "--lengths", choices=sorted(DISTRIBUTIONS), default="captions", help="their lengths (%(default)s)"
    )
    parser.add_argument("--source", type=Path, metavar="FILE", help="their lengths from a text of subwords instead")
    parser.add_argument("--target", type=Path, metavar="FILE", help="its translation, line by line")


def add_common(parser: argparse.ArgumentParser) -> None:
    """Sizes of the models, rounds, seed, device."""
    parser.add_argument("--features", type=int, default=512, metavar="D", help="default: %(default)s")
    parser.add_argument("--layers", type=int, default=6, metavar="N", help="encoder and decoder (default: %(default)s)")
    parser.add_argument("--vocabulary", type=int, default=32000, metavar="V", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of sentences and weights (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")


def parse(arguments: Sequence[str], usage: str) -> argparse.Namespace:
    """The options, with `trained` as a dict model -> checkpoint."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks decoding", description=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_sentences(parser)
    add_common(parser)
    numbers: dict[str, Any] = {"type": int, "nargs": "+", "metavar": "N"}
    parser.add_argument("--batch-sizes", default=[8], **numbers, help="sentences (default: 8)")
    parser.add_argument("--iterations", default=[10], **numbers, help="T of the masked decoders (default: 10)")
    parser.add_argument("--candidates", default=[5], **numbers, help="l of the masked decoders (default: 5)")
    parser.add_argument("--threads", default=[1], **numbers, help="default: 1")
    parser.add_argument("--systems", nargs="+", default=["*"], metavar="PATTERN", help="only those of these names")
    parser.add_argument("--peers", nargs="+", metavar="SYSTEM", help="compare with these")
    parser.add_argument("--trained", nargs="+", default=[], metavar="MODEL=CHECKPOINT", help="measure trained models")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the dictionaries of the trained models")
    parser.add_argument("--output", type=Path, default=Path("work/decoding"), help="writes OUTPUT.md and OUTPUT.json")
    options = parser.parse_args(arguments)
    options.trained = dict(pair.partition("=")[::2] for pair in options.trained)
    _check(options)
    return options


def size_of(options: argparse.Namespace) -> Size:
    """The size of the models."""
    return Size(options.features, options.layers, options.vocabulary)


def sentences_of(options: argparse.Namespace, real: bool = False) -> tuple[list[Sentence], str]:
    """The sentences, and where their lengths come from. The words are random ones unless they are to be `real`."""
    random = np.random.default_rng(options.seed)
    if options.source is None:
        distribution = DISTRIBUTIONS[options.lengths]
        origin = f"drawn from a lognormal fitted to {distribution.origin}"
        lengths = distribution.draw(options.sentences, random)
    else:
        origin = f"{options.source} and {options.target}"
        pairs = read_pairs(options.source, options.target, options.sentences, random)
        if real:
            return pairs, origin
        lengths = [(len(pair.source), len(pair.target)) for pair in pairs]
    return random_words(lengths, words_of(size_of(options)), random), origin


def _check(options: argparse.Namespace) -> None:
    if (options.source is None) != (options.target is None):
        raise OptionError("--source and --target go together: give both or neither")
    largest = max(options.batch_sizes)
    if largest > options.sentences:
        raise OptionError(f"--batch-sizes {largest} is more than --sentences {options.sentences}: use more sentences")
    for name in options.trained:
        models = size_of(options).architectures()
        if name not in models:
            raise OptionError(f"--trained {name}= is none of {', '.join(models)} (the numbers follow --layers)")
    if options.trained and (options.data is None or options.source is None):
        raise OptionError("--trained needs --data, --source and --target: trained models translate a real text")
