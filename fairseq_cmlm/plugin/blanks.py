"""Reading targets with blanks from text: `Ein <blank> steht auf <blank:2> Straße .`"""

from __future__ import annotations

import re
from typing import Any, Callable, Optional, Sequence, Union

import torch
from fairseq.data import BaseWrapperDataset
from omegaconf import OmegaConf
from torch import Tensor

from fairseq_cmlm.decoding.template import Blank, Template
from fairseq_cmlm.decoding.tokens import ANY_WORD, FIRST_SET
from fairseq_cmlm.errors import TextError
from fairseq_cmlm.given_words import GivenWords
from fairseq_cmlm.plugin.dictionary import MaskedDictionary
from fairseq_cmlm.text.subword_marks import BEGINS, CONTINUES, word_around

_BLANK = re.compile(r"(<blank[^>]*>)", re.IGNORECASE)
_MAY_BE_EMPTY = re.compile(r"<blank:0+(?:-\d+)?>")
_SPACE = re.compile(r"\s+")
_SIZES = re.compile(r"<blank(?::(\d+)(?:-(\d+))?)?>")


class TemplateReader:
    """A reader of targets with blanks, which it turns into templates.

    A blank never extends a given word: the last subword of a blank before it must end a word, and the first subword of
    a blank after it must begin one, as the marks of the dictionary's subwords say (`@@` of subword-nmt, `▁` of
    sentencepiece).

    token_sets  (A, V) bool, the token sets that blanks refer to; None for a dictionary of whole words
    """

    def __init__(self, dictionary: MaskedDictionary) -> None:
        self._dictionary = dictionary
        symbols: list[str] = dictionary.symbols
        self._first_set = self._last_set = ANY_WORD
        self.token_sets: Optional[Tensor] = None
        if any(symbol.endswith(CONTINUES) for symbol in symbols):
            self._last_set = FIRST_SET
            self.token_sets = torch.tensor([[not symbol.endswith(CONTINUES) for symbol in symbols]])
        elif any(symbol.startswith(BEGINS) for symbol in symbols):
            self._first_set = FIRST_SET
            self.token_sets = torch.tensor([[symbol.startswith(BEGINS) for symbol in symbols]])

    def read_lines(
        self, lines: Sequence[str], first: int, encode: Callable[[str], str]
    ) -> tuple[list[str], list[Template]]:
        """Read lines SOURCE<TAB>TARGET, numbered from `first`, into sources and templates; `encode` as in `read`."""
        pairs = [line.split("\t") for line in lines]
        for number, pair in enumerate(pairs, start=first):
            if len(pair) != 2:
                raise TextError(f"line {number} has {len(pair) - 1} tabs: --infill reads lines SOURCE<TAB>TARGET")
        targets = [self.read(pair[1], encode, f"line {first + i}") for i, pair in enumerate(pairs)]
        return [pair[0] for pair in pairs], targets

    def read(self, target: str, encode: Callable[[str], str], place: str) -> Template:
        """Read a target into a template; `encode` splits text into subwords, `place` is for messages ("line 3")."""
        parts = [part for part in _BLANK.split(target) if part.strip()]
        template: list[Union[int, Blank]] = []
        texts, sizes = [""], [0]
        for number, part in enumerate(parts):
            if _BLANK.fullmatch(part):
                before, after = (_words_beside(parts, number, step) for step in (-1, 1))
                template.append(self._blank(part, before, after, place))
                texts.append("")
                sizes.append(0)
            else:
                words = self._words(part, encode, place)
                template += words
                texts[-1], sizes[-1] = _SPACE.sub(" ", part), len(words)
        return Template(template, place, GivenWords(texts, sizes))

    def _blank(self, text: str, words_before: bool, words_after: bool, place: str) -> Blank:
        match = _SIZES.fullmatch(text)
        if match is None:
            raise TextError(f"{place}: {text} is no blank: write <blank>, <blank:3> or <blank:1-4>")
        least, most = match.groups()
        sets = (self._first_set if words_before else ANY_WORD, self._last_set if words_after else ANY_WORD)
        if least is None:
            return Blank(1, None, *sets)
        if int(most or least) < int(least):
            raise TextError(f"{place}: {text} ends before it begins: write the smaller number first")
        return Blank(int(least), int(most or least), *sets)

    def _words(self, text: str, encode: Callable[[str], str], place: str) -> list[int]:
        found, unknown = [], self._dictionary.unk()
        subwords = encode(text.strip()).split()
        for number, subword in enumerate(subwords):
            pieces = known_pieces(subword, lambda piece: self._dictionary.index(piece) != unknown)
            if pieces is None:
                word = word_around(subwords, number)
                part = subword if subword == word else f"{subword}' of '{word}"
                raise TextError(
                    f"{place}: the model's dictionary has no '{visible(part)}', so the target cannot keep it"
                )
            found += [self._dictionary.index(piece) for piece in pieces]
        return found


def visible(text: str) -> str:
    r"""Return a text in which what has no shape, such as a soft hyphen, is written as its code.

    >>> visible("co\u00adop")
    'co\\xadop'
    """
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def known_pieces(subword: str, known: Callable[[str], bool]) -> Optional[list[str]]:
    """Return a subword of subword-nmt, or known pieces that join to it; None if there are none.

    A subword that only occurs inside longer merges may be missing in the training text, and so in the dictionary.

    >>> known_pieces("sni@@", {"s@@", "ni@@"}.__contains__), known_pieces("sni", {"s@@", "n@@"}.__contains__)
    (['s@@', 'ni@@'], None)
    """
    text = subword.removesuffix(CONTINUES)
    # The pieces of the rest from each place on, filled from the end; the longest first piece wins.
    behind: dict[int, list[str]] = {}
    for begin in range(len(text) - 1, -1, -1):
        for end in range(len(text), begin, -1):
            piece = subword[begin:] if end == len(text) else f"{text[begin:end]}{CONTINUES}"
            if (end == len(text) or end in behind) and known(piece):
                behind[begin] = [piece, *behind.get(end, [])]
                break
    return behind.get(0)


def _words_beside(parts: Sequence[str], number: int, step: int) -> bool:
    """Return whether words can stand directly before (`step` -1) or after (1) the blank `parts[number]`.

    Blanks between that may be empty do not separate them.
    """
    number += step
    while 0 <= number < len(parts) and _MAY_BE_EMPTY.fullmatch(parts[number]):
        number += step
    return 0 <= number < len(parts) and not _BLANK.fullmatch(parts[number])


def reading_target(tokenizer: Any) -> Any:
    """Return a tokenizer's options, a configuration or None, with the target language as the one to read.

    fairseq's tokenizers read the source language and write the target language.
    """
    language = getattr(tokenizer, "target_lang", None)
    return tokenizer if language is None else OmegaConf.merge(tokenizer, {"source_lang": language})


class Templates(list):  # type: ignore[type-arg]
    """The templates of a batch. They travel as fairseq's constraints, the only field that its commands pass on."""

    def cuda(self) -> Templates:
        """Return the templates unchanged: they stay on the host."""
        return self


class WithTemplates(BaseWrapperDataset):
    """Sentences for inference, each with the template of its target."""

    def __init__(self, dataset: Any, templates: Sequence[Template]) -> None:
        super().__init__(dataset)
        self._templates = templates
        self.first_line = dataset.first_line

    def collater(self, samples: list[dict[str, Any]]) -> dict[str, Any]:
        """Collate the samples, with their templates as "constraints"."""
        batch: dict[str, Any] = self.dataset.collater(samples)
        batch["constraints"] = Templates(self._templates[i] for i in batch["id"].tolist())
        return batch
