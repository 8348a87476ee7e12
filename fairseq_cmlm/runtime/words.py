"""The symbols of a language, and the conversion between texts and ids."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, Sequence

import numpy as np

from fairseq_cmlm.draft import Vocabulary
from fairseq_cmlm.runtime.arrays import Array
from fairseq_cmlm.runtime.manifest import Symbols


class Words:
    """The symbols of a language by their ids.

    As in fairseq_cmlm's dictionary, no text can name a control symbol: `</s>` in it is unknown, `<mask>` a word.
    """

    def __init__(self, symbols: Sequence[str], control: Symbols) -> None:
        self._symbols, self._control = symbols, control
        self._ids = {symbol: number for number, symbol in enumerate(symbols[:-1])}  # the last is the mask symbol
        for number in (control.bos, control.pad, control.eos):
            self._ids[symbols[number]] = control.unk

    @classmethod
    def read(cls, path: Path, control: Symbols) -> Words:
        """Read a file of symbols."""
        return cls(path.read_text("utf-8").split("\n")[:-1], control)

    @property
    def vocabulary(self) -> Vocabulary:
        """Return the vocabulary that a draft is read by."""
        end, unknown = ((self._symbols[one], one) for one in (self._control.eos, self._control.unk))
        return Vocabulary(lambda word: self._ids.get(word, self._control.unk), end, unknown)

    def ids(self, subwords: str) -> Array:
        """Return the ids (n,) of subwords, followed by `</s>`."""
        unk = self._control.unk
        return np.array([*(self._ids.get(one, unk) for one in subwords.split()), self._control.eos], dtype=np.int64)

    def named(self, ids: Iterable[int]) -> list[str]:
        """Return the symbols of ids."""
        return [self._symbols[one] for one in ids]

    def subwords(self, ids: Iterable[int]) -> str:
        """Return the subwords of ids, without `</s>`."""
        return " ".join(self._symbols[one] for one in ids if one not in (self._control.bos, self._control.eos))
