"""Subwords learned from the words of a training text."""

from __future__ import annotations

import contextlib
import io
import itertools
from pathlib import Path
from typing import Sequence

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.text.packages import imported
from fairseq_cmlm.text.subwords import SubwordModel

# Beyond so many lines sentencepiece draws a sample of them.
_LINES = 10_000_000
# Languages of many characters, of which the rarest are left to <unk>, as sentencepiece advises.
_MANY_CHARACTERS = ("ja", "ko", "zh")


def learn_bpe(files: Sequence[Path], merges: int) -> SubwordModel:
    """Return codes of `merges` merges of the words in all files together (Sennrich et al. 2016)."""
    learn = imported("subword_nmt.learn_bpe", "byte pair encoding").learn_bpe
    codes = io.StringIO()
    with contextlib.ExitStack() as opened:
        texts = [opened.enter_context(file.open(encoding="utf-8", newline="\n")) for file in files]
        try:
            learn(itertools.chain(*texts), codes, merges)
        except ValueError:  # subword-nmt asks for the most frequent pair, and there is none
            raise OptionError(
                f"{', '.join(map(str, files))}: no word has two letters, so there is nothing to merge"
            ) from None
    return SubwordModel("subword-nmt", codes.getvalue().encode())


def learn_sentencepiece(files: Sequence[Path], pieces: int, languages: Sequence[str]) -> SubwordModel:
    """Return a unigram model of `pieces` pieces for the text in all files together (Kudo 2018)."""
    trainer = imported("sentencepiece", "--sentencepiece").SentencePieceTrainer
    model = io.BytesIO()
    try:
        trainer.train(
            input=[str(file) for file in files],
            model_writer=model,
            vocab_size=pieces,
            character_coverage=0.9995 if set(languages) & set(_MANY_CHARACTERS) else 1.0,
            input_sentence_size=_LINES,
            shuffle_input_sentence=True,
            minloglevel=1,
        )
    except RuntimeError as error:
        raise OptionError(f"--sentencepiece {pieces}: {str(error).rpartition('] ')[2] or error}") from None
    return SubwordModel("sentencepiece", model.getvalue())
