"""`fairseq-cmlm demo`: a local page to type a text, watch its decoding, and take part in it."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Optional, Sequence

from fairseq_cmlm.commands.model_options import add_model_options, loading, translator_of

if TYPE_CHECKING:
    from fairseq_cmlm.classifier import Classifier
    from fairseq_cmlm.demo.choice import Choice
    from fairseq_cmlm.extractor import Extractor
    from fairseq_cmlm.translator import Translator


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_model_options(parser)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--labels", nargs="+", metavar="LABEL", help="a form of its own for a model of classification: these labels"
    )
    chosen.add_argument(
        "--answers", action="store_true", help="a form of its own for a model that answers questions about a text"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to serve at (default: %(default)s, yours alone)"
    )
    parser.add_argument(
        "--port", type=int, default=8000, metavar="N", help="port to serve at; 0 for any (default: %(default)s)"
    )


def _model(options: argparse.Namespace) -> tuple[Translator, Optional[Choice]]:
    """Load the model, with what it chooses from where the options say so."""
    from fairseq_cmlm.demo.choice import Choice

    if options.labels:
        from fairseq_cmlm.classifier import Classifier

        classifier = Classifier(options.checkpoint, **loading(options))
        classifier.classify(["a"], options.labels)  # labels that cannot be are told before anybody waits for them
        return classifier, Choice("labels", partial(_label, classifier, options.labels))
    if options.answers:
        from fairseq_cmlm.extractor import Extractor

        extractor = Extractor(options.checkpoint, **loading(options))
        return extractor, Choice("answer", partial(_answer, extractor))
    return translator_of(options), None


def _label(model: Classifier, labels: Sequence[str], text: str, question: str) -> dict[str, Any]:
    (found,) = model.classify([text], labels, cut=True)
    return {"labels": sorted(found.probabilities.items(), key=lambda pair: -pair[1]), "cut": found.cut}


def _answer(model: Extractor, text: str, question: str) -> dict[str, Any]:
    from fairseq_cmlm.formats.question_answering import context_of, example

    asked = example(question, text)
    (found,) = model.extract([asked.source], [context_of(asked)], cut=True)
    return {"answer": found.text, "text": context_of(asked), "cut": found.cut}


def run(options: argparse.Namespace) -> str:
    """Serve until interrupted."""
    from fairseq_cmlm.demo.server import DemoServer, no_texts_logged, warning

    model, choice = _model(options)
    with no_texts_logged(), DemoServer(options.host, options.port, model, choice) as server:
        told = warning(options.host)
        if told is not None:
            print(f"fairseq-cmlm demo: {told}", file=sys.stderr)
        print(f"{server.address} (Ctrl+C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return ""
    return ""
