"""`fairseq-cmlm documents`: documents translated in windows, by a masked or an autoregressive model."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, NamedTuple, Sequence

from fairseq_cmlm.commands.answers import examples_of
from fairseq_cmlm.commands.model_options import add_model_options, loading, refuse_text_options
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.document_translator import WAYS, DocumentTranslator
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments.decoding_flags import add_decoding_flags, given_decoding
from fairseq_cmlm.formats.chosen import Answering, Chosen, as_generated
from fairseq_cmlm.plugin.autoregressive import is_transformer
from fairseq_cmlm.text.paragraphs import in_one_line, paragraphs_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_model_options(parser)
    parser.add_argument("examples", type=Path, metavar="EXAMPLES", help="the .jsonl of the format documents")
    parser.add_argument(
        "--way",
        choices=WAYS,
        default="windows",
        help="read as many paragraphs as the model can, and write them at once (windows) or one after the other "
        "(blocks, not of an autoregressive model), or read and write each alone (paragraphs); default: %(default)s",
    )
    parser.add_argument(
        "--longest",
        type=int,
        metavar="N",
        help="tokens of a window (default: what the training had a hundred texts of, where the checkpoint tells it, "
        "else all that the model can read)",
    )
    parser.add_argument("--max-tokens", type=int, default=2000, metavar="N", help="in a batch (default: %(default)s)")
    add_decoding_flags(parser)


class _Answers(NamedTuple):
    """The paragraphs of each document, the passes of all, how they were made, and the signature of the model's text."""

    texts: Sequence[Sequence[str]]
    passes: int
    signature: str
    text: str


def run(options: argparse.Namespace) -> str:
    """Return the translations, as fairseq-generate prints them."""
    sources = [example.source for example in examples_of(options.examples, "documents")[1]]
    documents = list(map(paragraphs_of, sources))
    read = {"way": options.way, "longest": options.longest, "max_tokens": options.max_tokens}
    # fairseq's checkpoint does not tell how long the texts of its training were.
    load, most = (_autoregressive, "all") if is_transformer(options.checkpoint) else (_masked, "trained")
    answer = load(options, read)
    began = time.perf_counter()
    found = answer(documents)
    told = "|".join(f"{name}:{read[name] or most}" for name in ("way", "longest"))
    seconds, passes = time.perf_counter() - began, found.passes / len(documents)
    made = Answering(f"documents|{told}|{found.signature}", seconds, passes=passes, text=found.text)
    return as_generated(Chosen([in_one_line(text) for text in found.texts]), made, sources)


def _masked(options: argparse.Namespace, read: dict[str, Any]) -> Any:
    decoding = given_decoding(vars(options))
    model = DocumentTranslator(options.checkpoint, **loading(options))

    def answer(documents: Sequence[Sequence[str]]) -> _Answers:
        found = model.translate_documents(documents, **read, **decoding)
        signature = f"windows:{sum(one.windows for one in found)}|{Decoding.of(**decoding).signature()}"
        passes = sum(one.passes for one in found)
        return _Answers([one.paragraphs for one in found], passes, signature, model.text_signature)

    return answer


def _autoregressive(options: argparse.Namespace, read: dict[str, Any]) -> Any:
    from fairseq_cmlm.plugin.autoregressive_documents import AutoregressiveDocuments

    decoding = given_decoding(vars(options))
    beam = decoding.pop("beam", 5)
    if decoding:
        raise OptionError(f"{options.checkpoint} is autoregressive, and has no {', '.join(decoding)}: leave that out")
    if options.way == "blocks":
        raise OptionError("--way blocks is not of an autoregressive model, which writes from left to right anyway")
    refuse_text_options(options)
    languages = options.source_lang, options.target_lang
    model = AutoregressiveDocuments(options.checkpoint, options.data, languages, options.text_pipeline, options.device)

    def answer(documents: Sequence[Sequence[str]]) -> _Answers:
        found = model.translate_documents(documents, **read, beam=beam)
        signature = f"windows:{found.windows}|miscounted:{found.miscounted}|autoregressive|beam:{beam}"
        return _Answers(found.texts, sum(found.passes), signature, model.text_signature)

    return answer
