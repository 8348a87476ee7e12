"""A dictionary with a mask symbol that no text can produce."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any, Sequence

import torch
from fairseq.data import Dictionary
from torch import Tensor

from fairseq_cmlm.draft import Vocabulary
from fairseq_cmlm.errors import TextError
from fairseq_cmlm.files import read_lines

MASK = "<mask>"


class MaskedDictionary(Dictionary):
    """fairseq's dictionary plus a mask symbol behind its words.

    Words of a text are looked up with `index`, which never returns a control symbol: a literal `<mask>` is a word like
    any other (its own entry if dict.txt has one, else unknown); a literal `<s>`, `<pad>` or `</s>` is unknown.
    """

    mask_index: int

    def add_from_file(self, f: Any) -> None:
        """Read the words of a dict.txt, a path or an open file; raise a TextError for a line that cannot be read."""
        if isinstance(f, str):
            lines = read_lines(Path(f))
            _check_words(f, lines, set(self.symbols))
            f = io.StringIO("".join(f"{line}\n" for line in lines))
        super().add_from_file(f)

    def add_mask(self) -> None:
        """Append the mask symbol. Its name cannot be looked up; only its index refers to it."""
        self.mask_index = len(self.symbols)
        self.symbols.append(MASK)
        self.count.append(1)

    def index(self, sym: str) -> int:
        """Return the index of a word of a text."""
        if sym in (self.bos_word, self.pad_word, self.eos_word):
            return int(self.unk_index)
        return int(super().index(sym))

    @property
    def vocabulary(self) -> Vocabulary:
        """Return the vocabulary that a draft is read by."""
        return Vocabulary(self.index, (self.eos_word, self.eos()), (self.unk_word, self.unk()))

    def control_symbols(self) -> list[int]:
        """Return the ids that must not occur inside a sentence."""
        return [self.bos_index, self.pad_index, self.eos_index, self.mask_index]


def _check_words(name: str, lines: Sequence[str], symbols: set[str]) -> None:
    """Raise for the first line that is not "WORD COUNT" or repeats a word; `symbols` are taken already."""
    kept = "every word's number is its place in the file, so give the dict.*.txt as fairseq-preprocess wrote it"
    seen = dict.fromkeys(symbols, "as a control symbol")
    for number, line in enumerate(lines, start=1):
        word, _, count = line.rstrip().removesuffix(" #fairseq:overwrite").rpartition(" ")
        if not word or not count.lstrip("-").isdecimal():
            raise TextError(f"line {number} of {name} is '{line}' and not a word and its count: {kept}")
        if word in seen and not line.rstrip().endswith(" #fairseq:overwrite"):
            raise TextError(f"line {number} of {name} has the word '{word}', which is there {seen[word]}: {kept}")
        seen[word] = f"in line {number}"


def fingerprint(source: Dictionary, target: Dictionary) -> Tensor:
    """Return a hash of the symbols of both dictionaries in their order, (2, 8) int64, by which to recognise them.

    The entries have 32 bits, so that tools that average checkpoints by a sum and an integer division keep them intact.
    """
    rows = []
    for dictionary in (source, target):
        digest = hashlib.sha256("\n".join(dictionary.symbols).encode("utf-8", "surrogatepass")).digest()
        rows.append([int.from_bytes(digest[i : i + 4], "little") for i in range(0, 32, 4)])
    return torch.tensor(rows)
