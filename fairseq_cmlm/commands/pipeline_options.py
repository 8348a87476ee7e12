"""Options for the preparation of text, of `fairseq-cmlm text` and `fairseq-cmlm prepare`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Optional, Sequence

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.text.normalise import NORMALISERS
from fairseq_cmlm.text.pipeline import TextPipeline
from fairseq_cmlm.text.subwords import SubwordModel, read_subwords
from fairseq_cmlm.text.tokenise import TOKENISERS
from fairseq_cmlm.text.usual import usual_side


def add_pipeline_options(parser: argparse.ArgumentParser, usual: str) -> None:
    """Add the options; `usual` describes the default of --normalise."""
    parser.add_argument("-s", "--source-lang", required=True, help="source language, as in the names of the files")
    parser.add_argument("-t", "--target-lang", required=True, help="target language, likewise")
    parser.add_argument(
        "--language",
        nargs="+",
        metavar="CODE",
        help="language code of both texts, or of source and target, if the names are not codes (default: the names)",
    )
    parser.add_argument(
        "--tokenizer",
        metavar="NAME",
        help=f"{', '.join(TOKENISERS)} or none (default: jieba for zh, none for sentencepiece, else moses)",
    )
    parser.add_argument(
        "--normalise", nargs="+", metavar="NAME", help=f"{', '.join(NORMALISERS)} or none (default: {usual})"
    )
    parser.add_argument("--bpe-codes", type=Path, metavar="FILE", help="codes that subword-nmt learn-bpe wrote")
    parser.add_argument(
        "--target-bpe-codes", type=Path, metavar="FILE", help="codes of the target language, if it has its own"
    )
    parser.add_argument("--sentencepiece-model", type=Path, metavar="FILE", help="a model of sentencepiece")
    parser.add_argument(
        "--target-sentencepiece-model",
        type=Path,
        metavar="FILE",
        help="model of the target language, if it has its own",
    )


def refuse_twins(options: argparse.Namespace) -> None:
    """Raise an OptionError if source and target have the same name."""
    if options.source_lang == options.target_lang:
        raise OptionError(f"--source-lang and --target-lang are both {options.source_lang}: give two names")


def pipeline_of(
    options: argparse.Namespace,
    usual: Optional[list[str]] = None,
    pieces: bool = False,
    stripped: Sequence[str] = (),
) -> TextPipeline:
    """Return the pipeline that the options describe.

    usual     default of --normalise; None for the default of the language
    pieces    whether sentencepiece will be learned
    stripped  languages whose diacritics are removed
    """
    refuse_twins(options)
    models, names = _given_subwords(options), (options.source_lang, options.target_lang)
    pieces = pieces or options.sentencepiece_model is not None
    normalise = options.normalise or usual
    return TextPipeline(
        {
            name: usual_side(
                language, options.tokenizer, normalise, model, pieces=pieces, stripped=language in stripped
            )
            for name, language, model in zip(names, languages_of(options), models)
        }
    )


def languages_of(options: argparse.Namespace) -> Sequence[str]:
    """Return the languages of source and target."""
    codes: list[str] = options.language or [options.source_lang, options.target_lang]
    if len(codes) > 2:
        raise OptionError(f"--language {' '.join(codes)} names {len(codes)} languages: give one, or two")
    return [codes[0], codes[-1]]


def _given_subwords(options: argparse.Namespace) -> tuple[Optional[SubwordModel], Optional[SubwordModel]]:
    """Return the subword models of source and target that are given as files."""
    codes, model = options.bpe_codes, options.sentencepiece_model
    if codes and model:
        raise OptionError(f"--bpe-codes {codes} and --sentencepiece-model {model} cannot be combined: give one")
    for first, flag in ((codes, "bpe-codes"), (model, "sentencepiece-model")):
        if getattr(options, f"target_{flag.replace('-', '_')}") and not first:
            raise OptionError(f"--target-{flag} needs those of the source: give --{flag} too")
    if not codes and not model:
        return None, None
    kind = "subword-nmt" if codes else "sentencepiece"
    target = options.target_bpe_codes or options.target_sentencepiece_model
    source = read_subwords(kind, codes or model)
    return source, read_subwords(kind, target) if target else source
