"""The table of subcommands, and the function behind the console command."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import logging
import os
import sys
import warnings
from typing import Iterator, Optional, Sequence

from fairseq_cmlm.errors import UserError

# Name -> what it does. Each is the module of its name beside this file, with two functions: add_options(parser), and
# run(options), which returns what is printed. Only the module that is chosen is imported, for torch takes seconds.
COMMANDS = {
    "path": "print the folder for fairseq's --user-dir",
    "check": "check raw text before fairseq-preprocess: what would split, shift or lose lines",
    "prepare": "raw parallel text into what fairseq-train reads: tokens, subwords, binarised data, and text.json",
    "text": "write a text.json, for text that was prepared otherwise",
    "format": "a task's records into parallel text: triples to text and other applications",
    "distill": "make a corpus of a teacher's translations of the training text",
    "average": "average the parameters of checkpoints",
    "curves": "BLEU and loss on the validation set by updates",
    "score": "score outputs of fairseq-generate: BLEU, chrF, repeated tokens, or the measures of a format",
    "choose": "answer by the likeliest of what is possible: labels of texts, spans of the text of a question",
    "baseline": "do a task without a network: linear classification, the sentence that matches best",
    "likelihood": "how likely given translations are under a model: perplexity",
    "exposure": "how a model takes its own words: exposure gap, repair rate",
    "report": "the tables and plots of the paper, of a trained model",
    "trace": "watch decodings, pass by pass, in a page of one file",
    "demo": "a local page to type a text, watch its decoding, and take part in it",
    "export": "a model as a bundle, which fairseq-cmlm-runtime decodes without torch and fairseq",
    "options": "the options that this package adds to fairseq's commands, as tables",
    "convert": "make a checkpoint of the paper's released code readable",
}
_BROKEN_PIPE = 141  # the status of a program that SIGPIPE ended


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Run `fairseq-cmlm` with `arguments`, those of the process if None. An error ends it with one line, status 1."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    with _until_nobody_reads(), _without_logs():
        parsed = _parser(words).parse_args(words)
        parsed.words = words
        try:
            print(parsed.run(parsed))
        except UserError as error:
            sys.exit(f"fairseq-cmlm {parsed.command}: {error}")


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser that knows every subcommand by name, and the options of the one in `words`."""
    parser = argparse.ArgumentParser(prog="fairseq-cmlm", description="Mask-Predict for fairseq")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, line in COMMANDS.items():
        command = commands.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        if words and words[0] == name:
            module = importlib.import_module(f"fairseq_cmlm.commands.{name}")
            module.add_options(command)
            command.set_defaults(run=module.run)
    return parser


@contextlib.contextmanager
def _until_nobody_reads() -> Iterator[None]:
    """End in silence when the reader of the output has seen enough, as in `fairseq-cmlm score ... | head`."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # What is still to be written, when Python ends, goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_BROKEN_PIPE)


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
