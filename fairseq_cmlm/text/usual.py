"""The default preparation of text, by language."""

from __future__ import annotations

from typing import Optional, Sequence

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.text.normalise import NORMALISERS
from fairseq_cmlm.text.pipeline import Side
from fairseq_cmlm.text.subwords import SubwordModel
from fairseq_cmlm.text.tokenise import TOKENISERS

NONE = "none"
# Languages without spaces between words that no tokenizer here can split.
_UNSPACED = ("bo", "ja", "km", "lo", "my", "th")


def usual_side(
    language: str,
    tokenizer: Optional[str] = None,
    normalise: Optional[Sequence[str]] = None,
    subwords: Optional[SubwordModel] = None,
    *,
    pieces: bool = False,
    stripped: bool = False,
) -> Side:
    """Return how text of a language is prepared; None stands for the default.

    pieces    sentencepiece will split the text, so that it needs neither a tokenizer nor Moses' punctuation
    stripped  also remove diacritics

    The default is moses, or jieba for Chinese, after NFC, Romanian letters (for ro) and punctuation (for moses).
    """
    tokenizer = tokenizer or (NONE if pieces else "jieba" if language == "zh" else "moses")
    if tokenizer != NONE and tokenizer not in TOKENISERS:
        raise OptionError(f"--tokenizer {tokenizer} is none of {', '.join([*TOKENISERS, NONE])}")
    if tokenizer.startswith("moses") and language in (*_UNSPACED, "zh"):
        raise OptionError(
            f"--tokenizer {tokenizer} cannot split {language}, which has no spaces between words: use "
            + ("--tokenizer jieba" if language == "zh" else "--sentencepiece")
        )
    if normalise is None:
        letters = ["romanian"] * (language == "ro") + ["strip_diacritics"] * stripped
        normalise = ["nfc", *letters, *["punctuation"] * tokenizer.startswith("moses")]
    for name in normalise:
        if name not in (*NORMALISERS, NONE):
            raise OptionError(f"--normalise {name} is none of {', '.join([*NORMALISERS, NONE])}")
    names = tuple(name for name in normalise if name != NONE)
    return Side(language, names, None if tokenizer == NONE else tokenizer, subwords)
