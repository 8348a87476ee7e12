"""`fairseq-cmlm trace`: watch decodings, pass by pass, in a page of one file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Optional, Sequence

from fairseq_cmlm.commands.model_options import add_model_options, translator_of
from fairseq_cmlm.commands.named_file import named_file
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.experiments.decoding_flags import add_decoding_flags, given_decoding, read_setting
from fairseq_cmlm.files import read_lines
from fairseq_cmlm.tracing import Run, check_outputs, trace_document, write_trace

_MOST_ALTERNATIVES = 100


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_model_options(parser)
    texts = parser.add_mutually_exclusive_group(required=True)
    texts.add_argument("--text", nargs="+", metavar="TEXT", help="the texts themselves")
    texts.add_argument("--source", type=Path, metavar="FILE", help="the texts, a sentence a line")
    parser.add_argument("--reference", type=Path, metavar="FILE", help="their translation, for BLEU and the oracle")
    parser.add_argument("--tokenize", metavar="NAME", help="sacreBLEU's tokenizer (default: 13a; zh for Chinese)")
    parser.add_argument(
        "--output",
        nargs="+",
        type=Path,
        required=True,
        metavar="FILE",
        help="NAME.html, the page; NAME.json, the same as data; NAME.svg, a picture of the chosen candidates",
    )
    parser.add_argument(
        "--alternatives", type=int, default=5, metavar="N", help="best tokens of each position (default: %(default)s)"
    )
    parser.add_argument("--attention", action="store_true", help="keep how much each token reads of each source token")
    parser.add_argument(
        "--compare",
        nargs="+",
        type=named_file,
        default=[],
        metavar="NAME=CHECKPOINT",
        help="other models to compare with",
    )
    parser.add_argument(
        "--settings",
        nargs="+",
        default=[],
        metavar="SETTING",
        help="other decodings to compare with, such as decoding_strategy=without_remasking,decoding_iterations=4",
    )
    add_decoding_flags(parser)


def run(options: argparse.Namespace) -> str:
    """Decode, write the files, and say which."""
    check_outputs(options.output)
    if not 0 <= options.alternatives <= _MOST_ALTERNATIVES:
        raise OptionError(f"--alternatives {options.alternatives} must be from 0 to {_MOST_ALTERNATIVES}")
    if options.gold_target_length:
        raise OptionError("--gold-target-length is not for traces: give --length-budget, the number of tokens")
    _refuse_twins("--settings", options.settings)
    _refuse_twins("--compare", [name for name, _ in options.compare])
    texts, references = _texts(options)
    translator = translator_of(options)
    given = given_decoding(vars(options))
    plans = [(None, given), *((text, {**given, **read_setting("--settings", text)}) for text in options.settings)]
    # A change of precision, which is for good, comes last.
    order = sorted(range(len(plans)), key=lambda i: plans[i][1].get("dtype", "float32") != "float32")
    made = {i: _run(translator, texts, *plans[i], options) for i in order}
    runs = [made[i] for i in range(len(plans))]
    for name, checkpoint in options.compare:
        other = translator_of(options, checkpoint)
        if other.languages != translator.languages:
            raise OptionError(
                f"--compare {name}={checkpoint} translates {' to '.join(other.languages)}, and {options.checkpoint} "
                f"{' to '.join(translator.languages)}: compare models of one direction"
            )
        runs.append(_run(other, texts, name, given, options))
    write_trace(trace_document(texts, runs, translator.languages, references, options.tokenize), options.output)
    return "\n".join(map(str, options.output))


def _refuse_twins(flag: str, names: Sequence[str]) -> None:
    """Raise an OptionError for a name that is there twice, for its runs could not be told apart."""
    for name in names:
        if names.count(name) > 1:
            raise OptionError(f"{flag} {name} is there twice: leave one of them out")


def _texts(options: argparse.Namespace) -> tuple[list[str], Optional[list[str]]]:
    texts = options.text or read_lines(options.source)
    if not texts:
        raise TextError(f"{options.source} is empty: there is nothing to translate")
    references = None if options.reference is None else read_lines(options.reference)
    if references is not None and len(references) != len(texts):
        raise TextError(
            f"--reference {options.reference} has {len(references)} lines and there are {len(texts)} texts: they must "
            "be parallel"
        )
    return texts, references


def _run(
    translator: Any, texts: list[str], name: Optional[str], setting: dict[str, Any], options: argparse.Namespace
) -> Run:
    """Decode the texts; a search over single tokens keeps no alternatives."""
    decoding = Decoding.of(**setting)
    found = translator.translate(
        texts,
        history=True,
        alternatives=0 if decoding.searches else options.alternatives,
        attention=options.attention,
        **setting,
    )
    return Run(name or f"{options.checkpoint.stem}, {decoding.strategy}", decoding.signature(), found)
