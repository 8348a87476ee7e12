"""`fairseq-cmlm choose`: answer by the likeliest label, or the likeliest span of a text for its length."""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path
from typing import Callable, NamedTuple, Sequence

from fairseq_cmlm import __version__
from fairseq_cmlm.classifier import Classifier
from fairseq_cmlm.commands.answers import examples_of, labels_of_all, temperature_on
from fairseq_cmlm.commands.model_options import add_model_options, loading, refuse_text_options
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.extractor import Extractor, Search
from fairseq_cmlm.formats.chosen import Answering, Chosen, as_generated
from fairseq_cmlm.formats.example import Example
from fairseq_cmlm.formats.question_answering import context_of

_SEARCH = Search()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_model_options(parser)
    parser.add_argument(
        "examples", type=Path, metavar="EXAMPLES", help="the .jsonl of a classification or of questions"
    )
    parser.add_argument("--cut", action="store_true", help="cut texts that are too long for the model")
    parser.add_argument(
        "--calibrate-on", type=Path, metavar="FILE", help="a .jsonl: fit the temperature of a classification to it"
    )
    parser.add_argument(
        "--longest", type=int, default=_SEARCH.longest, metavar="N", help="most tokens of a span (%(default)s)"
    )
    parser.add_argument(
        "--kept", type=int, default=_SEARCH.kept, metavar="N", help="number of spans to compare again (%(default)s)"
    )
    parser.add_argument(
        "--passes",
        type=int,
        default=_SEARCH.passes,
        metavar="N",
        help="passes for comparing again; 1: none (%(default)s)",
    )
    parser.add_argument(
        "--lenpen",
        type=float,
        default=_SEARCH.lenpen,
        metavar="POWER",
        help="length penalty of spans, 0 to 10, as in beam search: by the log-likelihood a token with 1, by the whole "
        "with 0 (%(default)s)",
    )


def run(options: argparse.Namespace) -> str:
    """Return the answers, as fairseq-generate prints them."""
    name, examples = examples_of(options.examples)
    if name not in _WAYS:
        raise OptionError(f"{options.examples} has the format {name}: a choice is made in {' and '.join(_WAYS)}")
    way = _WAYS[name](options)
    temperature = temperature_on(options.calibrate_on, way.choose, name, examples)
    began = time.perf_counter()
    chosen = way.choose(examples)
    seconds = time.perf_counter() - began
    made = Answering(way.signature, seconds, passes=way.passes, temperature=temperature, text=way.text)
    return as_generated(chosen, made, [example.source for example in examples])


class _Way(NamedTuple):
    """The way a model answers: the choice, its signature, its decoder passes, and the signature of the model's text."""

    choose: Callable[[Sequence[Example]], Chosen]
    signature: str
    passes: int
    text: str


def _labels(options: argparse.Namespace) -> _Way:
    """Load a masked or an autoregressive model, to choose among labels."""
    from fairseq_cmlm.plugin.autoregressive import is_transformer

    for name, default in _SEARCH._asdict().items():
        if getattr(options, name) != default:
            raise OptionError(f"--{name} {getattr(options, name)} is for spans, and labels are chosen: leave it out")
    load = _by_transformer if is_transformer(options.checkpoint) else _by_masked_model
    likelihoods, text = load(options)

    def choose(examples: Sequence[Example]) -> Chosen:
        labels = labels_of_all(examples)
        scores, cut = likelihoods([example.source for example in examples], labels)
        return Chosen([labels[row.index(max(row))] for row in scores], scores, cut)

    return _Way(choose, f"likelihood of labels|version:{__version__}", passes=1, text=text)


def _by_masked_model(options: argparse.Namespace) -> tuple[_Likelihoods, str]:
    model = Classifier(options.checkpoint, **loading(options))

    def likelihoods(texts: Sequence[str], labels: Sequence[str]) -> tuple[list[list[float]], int]:
        found = model.classify(texts, labels, cut=options.cut)
        return [list(one.log_likelihoods.values()) for one in found], sum(one.cut > 0 for one in found)

    return likelihoods, model.text_signature


def _by_transformer(options: argparse.Namespace) -> tuple[_Likelihoods, str]:
    from fairseq_cmlm.plugin.autoregressive_labels import AutoregressiveLabels

    refuse_text_options(options)
    languages = options.source_lang, options.target_lang
    model = AutoregressiveLabels(options.checkpoint, options.data, languages, options.text_pipeline, options.device)
    return partial(model.log_likelihoods, cut=options.cut), model.text_signature


def _spans(options: argparse.Namespace) -> _Way:
    """Load a masked model, to choose among the spans of the text."""
    given = {name: getattr(options, name) for name in Search._fields}
    search = Search(**given)
    search.check("--")
    model = Extractor(options.checkpoint, **loading(options))

    def choose(examples: Sequence[Example]) -> Chosen:
        sources, contexts = [one.source for one in examples], [context_of(one) for one in examples]
        found = model.extract(sources, contexts, search=search, cut=options.cut)
        return Chosen([one.text for one in found], cut=sum(one.cut > 0 for one in found))

    told = "|".join(f"{name}:{number}" for name, number in given.items())
    passes = 1 + (search.passes if search.passes > 1 else 0)
    return _Way(choose, f"spans by log-likelihood|{told}|version:{__version__}", passes, model.text_signature)


_Likelihoods = Callable[[Sequence[str], Sequence[str]], "tuple[list[list[float]], int]"]
# Name of a format -> function that loads the model for its choice.
_WAYS: dict[str, Callable[[argparse.Namespace], _Way]] = {"classification": _labels, "question_answering": _spans}
