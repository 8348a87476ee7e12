"""The text pipeline: what is done to raw text before a model reads it, and what makes text of its output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Protocol

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.text.normalise import normaliser
from fairseq_cmlm.text.subwords import SubwordModel
from fairseq_cmlm.text.tokenise import tokeniser


@dataclass(frozen=True)
class Side:
    """The preparation of text in one language.

    language   code of the language, as sacremoses and sacreBLEU know it
    normalise  names of NORMALISERS, in their order; white space becomes single spaces in any case
    tokeniser  one of TOKENISERS; None to split words at spaces
    subwords   the model that splits words; None to keep words whole
    """

    language: str
    normalise: tuple[str, ...] = ()
    tokeniser: Optional[str] = None
    subwords: Optional[SubwordModel] = None

    def words(self, text: str) -> str:
        """Return the normalised words of raw text."""
        text = normaliser(self.normalise, self.language)(text)
        return tokeniser(self.tokeniser, self.language).words(text) if self.tokeniser else text

    def split(self, words: str) -> str:
        """Return the subwords of words."""
        return self.subwords.splitter.split(words) if self.subwords else words

    def encode(self, text: str) -> str:
        """Return the subwords of raw text."""
        return self.split(self.words(text))

    def join_words(self, words: str) -> str:
        """Join words into text."""
        return tokeniser(self.tokeniser, self.language).text(words) if self.tokeniser else words

    def decode(self, subwords: str) -> str:
        """Join subwords into text."""
        return self.join_words(self.subwords.splitter.join(subwords) if self.subwords else subwords)

    @property
    def signature(self) -> str:
        """Return the preparation in one line: `normalise:nfc|tokenizer:moses|subwords:subword-nmt,4f1c0a99`."""
        subwords = f"{self.subwords.kind},{self.subwords.digest[:8]}" if self.subwords else "none"
        normalise = "+".join(self.normalise) or "none"
        return f"normalise:{normalise}|tokenizer:{self.tokeniser or 'none'}|subwords:{subwords}"


class PreparedText(Protocol):
    """Conversion between text and subwords, as a model needs it: of sources, of targets, and back."""

    def source(self, text: str) -> str:
        """Return the subwords of a text to translate."""
        ...

    def target(self, text: str) -> str:
        """Return the subwords of a translation."""
        ...

    def text(self, subwords: str) -> str:
        """Return the text of a translation."""
        ...


@dataclass(frozen=True)
class TextPipeline:
    """The preparation of the text of a model or a data folder: a Side for each language, by its name in file names.

    With `between`, the first side is the source and the last one the target.
    """

    sides: Mapping[str, Side]

    def between(self, source: str, target: str) -> TextPipeline:
        """Return the pipeline of these two languages alone; raise a TextError if one is missing."""
        for language in (source, target):
            if language not in self.sides:
                raise TextError(f"the text pipeline has no language '{language}', but {', '.join(self.sides)}")
        return TextPipeline({language: self.sides[language] for language in (source, target)})

    def renamed(self, source: str, target: str) -> TextPipeline:
        """Return the same pipeline under other names of the source and target language."""
        same = {source, target} == set(self.sides)
        return self.between(source, target) if same else TextPipeline(dict(zip((source, target), self.ends)))

    @property
    def ends(self) -> tuple[Side, Side]:
        """Return the sides of source and target."""
        sides = list(self.sides.values())
        return sides[0], sides[-1]

    def source(self, text: str) -> str:
        """Return the subwords of a text to translate."""
        return self.ends[0].encode(text)

    def target(self, text: str) -> str:
        """Return the subwords of a translation."""
        return self.ends[1].encode(text)

    def text(self, subwords: str) -> str:
        """Return the text of a translation."""
        return self.ends[1].decode(subwords)

    @property
    def signature(self) -> str:
        """Return the preparation of source and target in one line."""
        source, target = (side.signature for side in self.ends)
        told = source if source == target else f"source {source}|target {target}"
        return f"{'-'.join(side.language for side in self.ends)}|{told}"
