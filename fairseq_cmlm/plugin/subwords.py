"""Text into the subwords of a model and back, by fairseq's tokenizers and subword-nmt."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import Any, Optional

from fairseq.data import encoders

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.files import FilePath


class Subwords:
    """Text into the subwords of the models and back; without a tokenizer and codes, text is subwords.

    target_codes  if the target language has codes of its own
    """

    def __init__(
        self,
        tokenizer: Optional[str],
        codes: Optional[FilePath],
        languages: tuple[str, str],
        target_codes: Optional[FilePath] = None,
    ) -> None:
        source, target = languages
        # fairseq's tokenizers read the first language and write the second.
        self._source = _make_tokenizer(tokenizer, source, target)
        self._target = _make_tokenizer(tokenizer, target, target)
        self._source_bpe = _make_bpe(codes)
        self._target_bpe = _make_bpe(target_codes) if target_codes else self._source_bpe

    def source(self, text: str) -> str:
        """The subwords of a text to translate."""
        return encode(self._source, self._source_bpe, text)

    def target(self, text: str) -> str:
        """The subwords of a reference."""
        return encode(self._target, self._target_bpe, text)

    def text(self, subwords: str) -> str:
        """The text of a translation."""
        text = self._target_bpe.decode(subwords) if self._target_bpe else subwords
        return str(self._target.decode(text) if self._target else text)


def encode(tokenizer: Any, bpe: Any, text: str) -> str:
    """Return the subwords of a text, by fairseq's tokenizer and BPE; None leaves its part of the work out."""
    tokenized = tokenizer.encode(text) if tokenizer else text
    return str(bpe.encode(tokenized) if bpe else tokenized)


def _make_tokenizer(name: Optional[str], reads: str, writes: str) -> Any:
    if name is not None and name not in encoders.TOKENIZER_REGISTRY:
        raise OptionError(f"tokenizer {name} is none of {', '.join(sorted(encoders.TOKENIZER_REGISTRY))}")
    return encoders.build_tokenizer(Namespace(tokenizer=name, source_lang=reads, target_lang=writes))


def _make_bpe(codes: Optional[FilePath]) -> Any:
    """The BPE of a file of codes, None for None."""
    if codes is None:
        return None
    try:
        return encoders.build_bpe(Namespace(bpe="subword_nmt", bpe_codes=os.fspath(codes)))
    except (OSError, UnicodeError, SystemExit):  # what subword_nmt does about a line that is no merge
        raise OptionError(f"bpe_codes {codes} is no file of codes that subword-nmt learn-bpe wrote") from None
