"""The options that several benchmarks share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.models import Size, words_of
from benchmarks.sentences import DISTRIBUTIONS, random_words, read_pairs
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments import machine
from fairseq_cmlm.experiments.sentences import Sentence

NUMBERS = {"batch_size": "sentences; ", "iterations": "T; ", "length_beam": "l; ", "batches": "of all; ", "threads": ""}


def add_sentences(parser: argparse.ArgumentParser) -> None:
    """Add what they are."""
    parser.add_argument("--sentences", type=positive, default=16, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument(
        "--lengths", choices=sorted(DISTRIBUTIONS), default="captions", help="their lengths (%(default)s)"
    )
    parser.add_argument("--source", type=Path, metavar="FILE", help="their lengths from a text of subwords instead")
    parser.add_argument("--target", type=Path, metavar="FILE", help="its translation, line by line")


def positive(text: str) -> int:
    """Read a whole number of at least 1.

    >>> positive("3")
    3
    """
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} must be at least 1")
    return number


def vocabulary(text: str) -> int:
    """Read the size of a vocabulary, which has fairseq's four control symbols and one word or more.

    >>> vocabulary("4112")
    4112
    """
    number = int(text)
    if number < 5:
        raise argparse.ArgumentTypeError(f"{number} must be at least 5: four control symbols and a word")
    return number


def usable_device(text: str) -> str:
    """Read the name of a device that this machine has.

    >>> usable_device("cpu")
    'cpu'
    """
    try:
        torch.empty(0, device=text)
    except (AssertionError, RuntimeError) as error:  # torch without CUDA raises an AssertionError
        raise argparse.ArgumentTypeError(f"{text} cannot be used: {error}") from None
    return text


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add sizes of the models, rounds, seed and device."""
    parser.add_argument("--features", type=positive, default=512, metavar="D", help="default: %(default)s")
    parser.add_argument(
        "--layers", type=positive, default=6, metavar="N", help="encoder and decoder (default: %(default)s)"
    )
    parser.add_argument("--vocabulary", type=vocabulary, default=32000, metavar="V", help="default: %(default)s")
    parser.add_argument("--rounds", type=positive, default=3, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of sentences and weights (default: %(default)s)")
    parser.add_argument("--device", type=usable_device, default="cpu", help="cpu or cuda (default: %(default)s)")


def add_numbers(parser: argparse.ArgumentParser, **defaults: int) -> None:
    """Add options for a whole number each, such as --batch-size."""
    for name, default in defaults.items():
        meaning = f"{NUMBERS[name]}default: {default}"
        parser.add_argument(f"--{name.replace('_', '-')}", type=positive, default=default, metavar="N", help=meaning)


def size_of(options: argparse.Namespace) -> Size:
    """Return the size of the models."""
    return Size(options.features, options.layers, options.vocabulary)


def facts_of(
    options: argparse.Namespace, command: str, weights: str = "random weights", **more: object
) -> dict[str, Any]:
    """Return what was measured on what."""
    size = size_of(options)
    return {
        "command": command,
        "machine": machine.describe(options.device),
        "seed": options.seed,
        **more,
        "models": f"{weights}; D {size.features}, {size.layers} layers, V {size.vocabulary}",
        "rounds": options.rounds,
    }


def sentences_of(options: argparse.Namespace, real: bool = False) -> tuple[list[Sentence], str]:
    """Return the sentences, and where their lengths come from. The words are random unless they are to be `real`."""
    if (options.source is None) != (options.target is None):
        raise OptionError("--source and --target go together: give both or neither")
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
