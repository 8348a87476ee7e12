"""`fairseq-cmlm prepare`."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

from fairseq_cmlm.commands.pipeline_options import add_pipeline_options, languages_of, pipeline_of, refuse_twins
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.text.parallel import Limits
from fairseq_cmlm.text.pipeline import TextPipeline
from fairseq_cmlm.text.pipeline_file import read_pipeline
from fairseq_cmlm.text.preparation import Preparation
from fairseq_cmlm.text.prepare import prepare
from fairseq_cmlm.text.usual import NONE

_MERGES = 32000
# What --text-pipeline says, too.
_OF_A_NEW_PIPELINE = (
    "bpe_codes",
    "target_bpe_codes",
    "sentencepiece_model",
    "target_sentencepiece_model",
    "strip_diacritics",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("text", type=Path, metavar="TEXT", help="folder of raw {train,valid,test}.LANGUAGE")
    parser.add_argument("work", type=Path, metavar="WORK", help="folder that receives tokens/, bpe/, text.json, data/")
    add_pipeline_options(parser, usual="nfc, romanian for ro, punctuation for moses")
    parser.add_argument(
        "--strip-diacritics",
        nargs="+",
        default=[],
        metavar="LANGUAGE",
        help="remove the diacritics of these languages: ro",
    )
    parser.add_argument("--text-pipeline", type=Path, metavar="FILE", help="prepare as this text.json says")
    parser.add_argument("--merges", type=int, metavar="N", help=f"number of BPE merges to learn (default: {_MERGES})")
    parser.add_argument(
        "--sentencepiece", type=int, metavar="N", help="number of sentencepiece pieces to learn instead"
    )
    parser.add_argument("--whole-words", action="store_true", help="learn no subwords")
    parser.add_argument("--separate", action="store_true", help="each language has its own subwords and dictionary")
    parser.add_argument(
        "--longest", type=int, default=80, metavar="N", help="most words of a training sentence (%(default)s)"
    )
    parser.add_argument(
        "--ratio", type=float, default=9.0, metavar="X", help="most words of the longer side per word of the other (9)"
    )
    parser.add_argument(
        "--dictionary", type=int, default=-1, metavar="N", help="most words in a dictionary (default: all)"
    )
    parser.add_argument(
        "--dictionaries", type=Path, metavar="FOLDER", help="use the dict.*.txt of a trained model in this folder"
    )
    parser.add_argument(
        "--destdir", type=Path, metavar="FOLDER", help="folder for the binarised text (default: WORK/data)"
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count(), metavar="N", help="number of processes (default: all cores)"
    )


def run(options: argparse.Namespace) -> str:
    """Prepare the text, and return what was written."""
    done = prepare(_wanted(options))
    return "\n".join(done) or f"{options.work}: nothing to do"


def _wanted(options: argparse.Namespace) -> Preparation:
    refuse_twins(options)
    for name in ("merges", "sentencepiece", "workers", "longest", "ratio"):
        number = getattr(options, name)
        if number is not None and not 1 <= number < math.inf:
            raise OptionError(f"--{name} {number} must be a number of at least 1")
    if options.dictionary == 0 or options.dictionary < -1:
        raise OptionError(f"--dictionary {options.dictionary} is less than 1: leave it out for all words")
    if options.dictionary != -1 and options.dictionaries:
        raise OptionError(f"--dictionary {options.dictionary} has no effect beside --dictionaries: leave one out")
    files = options.text_pipeline or options.bpe_codes or options.sentencepiece_model
    given = files or options.whole_words
    learned = [f"--{name} {getattr(options, name)}" for name in ("merges", "sentencepiece") if getattr(options, name)]
    if len(learned) > 1 or (given and learned):
        raise OptionError(f"{' and '.join(learned)} cannot be combined with each other or with subwords that are given")
    if options.whole_words and files:
        raise OptionError("--whole-words has no effect beside subwords that are given: leave one out")
    if options.text_pipeline:
        pipeline = read_pipeline(options.text_pipeline).between(options.source_lang, options.target_lang)
        _refuse_other(options, pipeline)
    else:
        _refuse_no_diacritics(options)
        pieces = options.sentencepiece is not None
        pipeline = pipeline_of(options, pieces=pieces, stripped=options.strip_diacritics)
    kind = "sentencepiece" if options.sentencepiece else "subword-nmt"
    return Preparation(
        text=options.text,
        work=options.work,
        pipeline=pipeline,
        kind=None if given else kind,
        size=options.sentencepiece or options.merges or _MERGES,
        joint=not options.separate,
        limits=Limits(options.longest, options.ratio),
        data=options.destdir,
        words=options.dictionary,
        dictionaries=options.dictionaries,
        workers=options.workers,
    )


def _refuse_other(options: argparse.Namespace, pipeline: TextPipeline) -> None:
    """Raise an OptionError for options that are other than what --text-pipeline says."""
    for name in _OF_A_NEW_PIPELINE:
        if getattr(options, name):
            raise OptionError(f"--{name.replace('_', '-')} has no effect beside --text-pipeline: leave one out")
    codes = [side.language for side in pipeline.ends]
    if options.language and list(languages_of(options)) != codes:
        raise OptionError(
            f"--language {' '.join(options.language)} has no effect beside --text-pipeline {options.text_pipeline}, "
            f"which has {' '.join(codes)}: leave one out"
        )
    for side in pipeline.ends:
        for name, found in (("tokenizer", [side.tokeniser or NONE]), ("normalise", list(side.normalise) or [NONE])):
            asked = getattr(options, name)
            if asked and ([asked] if isinstance(asked, str) else asked) != found:
                raise OptionError(
                    f"--{name} has no effect beside --text-pipeline {options.text_pipeline}, which has "
                    f"{' '.join(found)}: leave one out"
                )


def _refuse_no_diacritics(options: argparse.Namespace) -> None:
    """Raise an OptionError if --strip-diacritics would do nothing."""
    languages = languages_of(options)
    for language in options.strip_diacritics:
        if options.normalise:
            raise OptionError("--strip-diacritics has no effect beside --normalise: name strip_diacritics there")
        if language not in languages:
            raise OptionError(f"--strip-diacritics {language} has no effect: the text is in {' and '.join(languages)}")
