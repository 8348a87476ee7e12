"""The table of subcommands, and the function behind the console command."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import logging
import sys
import warnings
from typing import Iterator, Optional, Sequence

from fairseq_cmlm.errors import UserError, meant
from fairseq_cmlm.files import until_nobody_reads

# Name -> what it does. Each is a module of that name beside this file with two functions: add_options(parser), and
# run(options), which returns the text to print. Only the chosen module is imported, because torch takes seconds.
COMMANDS = {
    "path": "print the folder for fairseq's --user-dir",
    "check": "check raw text before fairseq-preprocess: what would split, shift or lose lines",
    "prepare": "raw parallel text into what fairseq-train reads: tokens, subwords, binarised data, and text.json",
    "text": "write a text.json, for text that was prepared otherwise",
    "format": "a task's records into parallel text: triples to text and other applications",
    "distill": "make a corpus of a teacher's translations of the training text",
    "average": "average the parameters of checkpoints",
    "curves": "BLEU and loss on the validation set by updates",
    "score": "score outputs of fairseq-generate: BLEU, chrF, repetition, length, time, or the measures of a format",
    "tasks": "one table of the main measures of all tasks, from the results of their recipes",
    "choose": "answer by the likeliest of what is possible: labels of texts, spans of the text of a question",
    "documents": "translate documents of many paragraphs, read in windows that the model has learned to read",
    "baseline": "do a task without a network: linear classification, triples as they stand, and so on",
    "likelihood": "how likely given translations are under a model: perplexity",
    "exposure": "how a model takes its own words: exposure gap, repair rate",
    "report": "the tables and plots of the paper, of a trained model",
    "trace": "watch decodings, pass by pass, in a page of one file",
    "demo": "a local page to type a text, watch its decoding, and take part in it",
    "course": "thirteen chapters about masked decoding, in two languages, with figures and tables of measured results",
    "export": "a model as a bundle, which fairseq-cmlm-runtime decodes without torch and fairseq",
    "options": "the options that this package adds to fairseq's commands, as tables",
    "convert": "make a checkpoint of the paper's released code readable",
    "card": "print a model card: data, sizes, training, scores, and how to use the model",
}


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Run `fairseq-cmlm` with `arguments`, by default those of the process; errors end it with one line, status 1."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    with until_nobody_reads(), _without_logs():
        parsed = _parsed(words)
        parsed.words = words
        try:
            print(parsed.run(parsed))
        except UserError as error:
            sys.exit(f"fairseq-cmlm {parsed.command}: {error}")


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    """Parse the words; an unknown option ends with the usage of its command and the option that was probably meant."""
    parser = _parser(words)
    parsed, unknown = parser.parse_known_args(words)
    if unknown and not hasattr(parsed, "parser"):
        parser.error(f"{words[0]} stands before the command: the command comes first")
    if unknown:
        option = unknown[0].partition("=")[0]
        hint = f"; {meant(option, [*parsed.parser._option_string_actions])}" if option.startswith("-") else ""
        parsed.parser.error(f"unknown: {' '.join(unknown)}{hint}")
    return parsed


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser with the names of all subcommands, and the options of the one in `words`."""
    # No abbreviations: --iterations would be read as --iterations-per-token.
    parser = argparse.ArgumentParser(prog="fairseq-cmlm", description="Mask-Predict for fairseq", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, line in COMMANDS.items():
        description = line[0].upper() + line[1:] + "."
        command = commands.add_parser(name, help=line, description=description, allow_abbrev=False)
        if words and words[0] == name:
            module = importlib.import_module(f"fairseq_cmlm.commands.{name}")
            module.add_options(command)
            command.set_defaults(run=module.run, parser=command)
    return parser


@contextlib.contextmanager
def _without_logs() -> Iterator[None]:
    """Keep logs and warnings of fairseq and hydra, which are for their developers, off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
