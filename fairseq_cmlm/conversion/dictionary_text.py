"""The dictionaries of the released code as text that fairseq reads."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from fairseq_cmlm.errors import CheckpointError
from fairseq_cmlm.plugin.dictionary import MaskedDictionary

_SPECIAL_WORDS = {"<s>", "<pad>", "</s>", "<unk>"}
_REPEATED = " #fairseq:overwrite"


@dataclass(frozen=True)
class DictionaryText:
    """The lines of a dict.txt for fairseq, the number of its words, and the file it was read from."""

    text: str
    words: int
    path: Path

    def dictionary(self) -> MaskedDictionary:
        """Return the text as fairseq's dictionary, without the mask symbol."""
        dictionary: MaskedDictionary = MaskedDictionary.load(io.StringIO(self.text))
        return dictionary


def read_dictionary(path: Path) -> DictionaryText:
    """Read the lines "WORD COUNT" of a dict.txt; mark repeated words as fairseq requires."""
    seen = set(_SPECIAL_WORDS)
    kept = []
    for number, line in enumerate(_lines(path), start=1):
        line = line.removesuffix(_REPEATED)
        word, space, count = line.rpartition(" ")
        if not space or not count.isdecimal():
            raise CheckpointError(f"line {number} of {path} is not 'WORD COUNT': it is no dictionary")
        kept.append(line + _REPEATED if word in seen else line)
        seen.add(word)
    return DictionaryText("".join(f"{line}\n" for line in kept), len(kept), path)


def _lines(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8") as file:  # as fairseq opens a dictionary, so that U+000D ends a line too
            return [line.rstrip("\n") for line in file]
    except UnicodeDecodeError as error:
        raise CheckpointError(f"the dictionary {path} is not UTF-8 ({error.reason})") from None
    except OSError as error:
        raise CheckpointError(
            f"the dictionary {path} cannot be read ({error.strerror}): name its folder with --dictionaries"
        ) from None
