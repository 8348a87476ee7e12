"""TOKENISERS: splitting text into words with spaces between them, and joining them. To add one: a class and a row."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import Callable, Protocol

from fairseq_cmlm.text.packages import imported


class Tokeniser(Protocol):
    """Splits texts into words and joins them."""

    def words(self, text: str) -> str:
        """Return the words of a text, with single spaces between them."""
        ...

    def text(self, words: str) -> str:
        """Join words into text."""
        ...


class Moses:
    """Words by sacremoses, with the options of fairseq's `--tokenizer moses`.

    escape       write ' as &apos; and so on
    dash_splits  split a-b into a @-@ b
    """

    def __init__(self, language: str, escape: bool = True, dash_splits: bool = True) -> None:
        sacremoses = imported("sacremoses", "the tokenizer 'moses'")
        tokenise = sacremoses.MosesTokenizer(language).tokenize
        self._tokenise = partial(tokenise, aggressive_dash_splits=dash_splits, escape=escape, return_str=True)
        self._join = partial(sacremoses.MosesDetokenizer(language).detokenize, unescape=escape)

    def words(self, text: str) -> str:
        """Return the words of a text."""
        return str(self._tokenise(text))

    def text(self, words: str) -> str:
        """Join words into text."""
        return str(self._join(words.split()))


class Jieba:
    """Chinese words by jieba (rjieba). Punctuation is kept, because scores compare with raw references."""

    # Characters of Chinese writing, with its punctuation.
    _CHINESE = "[\u2e80-\u303f\u3400-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff“”‘’…—·]"
    _SPACE_IN_CHINESE = re.compile(f"(?<={_CHINESE}) | (?={_CHINESE})")
    # Inside numbers (54,000 and 3:30) and inside words (York's).
    _SPACE_IN_WORDS = re.compile(r"(?<=[0-9]) ([,.:]) (?=[0-9])|(?<=[A-Za-z]) (['’]) (?=[A-Za-z])")

    def __init__(self, language: str) -> None:
        self._cut = imported("rjieba", "the tokenizer 'jieba'").cut

    def words(self, text: str) -> str:
        """Return the words of a text."""
        return " ".join(word for word in self._cut(text) if not word.isspace())

    def text(self, words: str) -> str:
        """Remove spaces beside Chinese characters and inside numbers and words; keep those between Latin words."""
        return self._SPACE_IN_CHINESE.sub("", self._SPACE_IN_WORDS.sub(lambda found: found[0].strip(), words))


TOKENISERS: dict[str, Callable[[str], Tokeniser]] = {
    "moses": Moses,
    "moses-no-escape": partial(Moses, escape=False),
    "moses-no-dash-splits": partial(Moses, dash_splits=False),
    "moses-no-escape-no-dash-splits": partial(Moses, escape=False, dash_splits=False),
    "jieba": Jieba,
}


@cache
def tokeniser(name: str, language: str) -> Tokeniser:
    """Return the tokeniser of this name for a language, made once."""
    return TOKENISERS[name](language)
