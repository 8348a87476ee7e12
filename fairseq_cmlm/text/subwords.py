"""SUBWORDS: splitting words into subwords and joining them. To add a kind: a class and a row."""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Callable, Protocol

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.text.packages import imported

_BYTE = re.compile("<0x([0-9A-F]{2})>")


class Splitter(Protocol):
    """Splits words into subwords and joins them."""

    def split(self, words: str) -> str:
        """Return the subwords of words, with single spaces between them."""
        ...

    def join(self, subwords: str) -> str:
        """Join subwords into words."""
        ...


class SubwordNMT:
    """Byte pair encoding by subword-nmt, whose `@@` ends every subword but the last of a word."""

    def __init__(self, codes: bytes) -> None:
        """Take codes as `subword-nmt learn-bpe` wrote them; raise a ValueError if they are not."""
        apply_bpe = imported("subword_nmt.apply_bpe", "byte pair encoding")
        text = io.StringIO(codes.decode("utf-8"))
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                self._bpe = apply_bpe.BPE(text)
        except SystemExit:  # subword_nmt exits at a line that is not a merge
            raise ValueError("a line is no merge of two symbols") from None

    def split(self, words: str) -> str:
        """Return the subwords of words."""
        return str(self._bpe.process_line(words))

    def join(self, subwords: str) -> str:
        """Join subwords into words."""
        return f"{subwords} ".replace("@@ ", "").rstrip()


class SentencePiece:
    """Subwords by sentencepiece, whose `▁` begins every word."""

    def __init__(self, model: bytes) -> None:
        """Take the content of a sentencepiece model; raise a ValueError if it is not one."""
        sentencepiece = imported("sentencepiece", "a sentencepiece model")
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise ValueError(str(error)) from None

    def split(self, words: str) -> str:
        """Return the pieces of a text."""
        return " ".join(self._processor.encode(words, out_type=str))

    def join(self, subwords: str) -> str:
        """Join pieces into text; pieces that stand for bytes become characters again.

        Known pieces are joined by sentencepiece itself; unknown ones, such as `<unk>`, stay as they are.
        """
        joined = ""
        for is_bytes, pieces in itertools.groupby(subwords.split(), key=lambda piece: bool(_BYTE.fullmatch(piece))):
            run = "".join(pieces)
            joined += bytes.fromhex(_BYTE.sub(r"\1", run)).decode("utf-8", "replace") if is_bytes else run
        return joined.replace("▁", " ").strip()


SUBWORDS: dict[str, Callable[[bytes], Splitter]] = {"subword-nmt": SubwordNMT, "sentencepiece": SentencePiece}


@dataclass(frozen=True)
class SubwordModel:
    """The model that splits the words of a language into subwords.

    kind     one of SUBWORDS
    content  codes, or a model
    """

    kind: str
    content: bytes

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of the content, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def splitter(self) -> Splitter:
        """Return the splitter, made once."""
        return _splitter(self.kind, self.content)


@cache
def _splitter(kind: str, content: bytes) -> Splitter:
    return SUBWORDS[kind](content)


def read_subwords(kind: str, path: Path) -> SubwordModel:
    """Read codes or a model from a file; raise a TextError if it holds neither."""
    try:
        model = SubwordModel(kind, path.read_bytes())
        assert model.splitter
    except OSError as error:
        raise TextError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        what = "codes that subword-nmt learn-bpe wrote" if kind == "subword-nmt" else "a model of sentencepiece"
        raise TextError(f"{path} does not hold {what} ({error})") from None
    return model
