"""`fairseq-cmlm baseline`: a task done without a network."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from fairseq_cmlm.errors import OptionError, TextError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("examples", type=Path, metavar="EXAMPLES", help="the .jsonl of a format, to answer")
    parser.add_argument("--train", type=Path, required=True, metavar="FILE", help="the .jsonl of the training text")
    parser.add_argument(
        "--calibrate-on", type=Path, metavar="FILE", help="a .jsonl: fit the temperature of a classification to it"
    )


def run(options: argparse.Namespace) -> str:
    """Return the answers, as fairseq-generate prints them."""
    from fairseq_cmlm.commands.answers import examples_of, refuse_other_labels, same_texts, temperature_on
    from fairseq_cmlm.formats.baselines import BASELINES
    from fairseq_cmlm.formats.chosen import Answering, as_generated

    name, examples = examples_of(options.examples)
    if name not in BASELINES:
        raise OptionError(f"{options.examples} has the format {name}: baselines are of {', '.join(BASELINES)}")
    train = examples_of(options.train, name)[1]
    if name == "classification":
        if same_texts(examples, train):
            raise OptionError(f"{options.examples} is the training text of --train {options.train}: name another text")
        refuse_other_labels(options.train, train, examples)
    try:
        baseline = BASELINES[name](train)
    except KeyError as error:
        raise TextError(f"the examples of {options.train} have no {error}: write them by fairseq-cmlm format") from None
    temperature = temperature_on(options.calibrate_on, baseline, name, examples, train)
    began = time.perf_counter()
    chosen = baseline(examples)
    made = Answering(baseline.signature, time.perf_counter() - began, temperature=temperature)
    return as_generated(chosen, made, [example.source for example in examples])
