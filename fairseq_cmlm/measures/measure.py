"""What a measure is: what it reads, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional, Sequence


@dataclass(frozen=True)
class Output:
    """What a system made of a text, sentence by sentence.

    texts              the translations as text
    tokens             the same as the model wrote them: subwords
    candidate_lengths  tokens with `</s>` of each length candidate; None where they are not known
    """

    texts: Sequence[str]
    tokens: Sequence[Sequence[str]]
    candidate_lengths: Optional[Sequence[Sequence[int]]] = None


@dataclass(frozen=True)
class Gold:
    """What an output is measured against, sentence by sentence.

    references            one or more reference texts
    tokenise              sacreBLEU's tokenizer for BLEU; None is the one of the language
    tokenised             True if texts and references hold tokens, so that sacreBLEU shall not warn of them
    tokenised_reference   words of a reference as in the training text, before BPE
    lengths               subwords with `</s>` of a reference
    language              code of the language, where it is known: zh has a tokenizer of its own, most have 13a
    """

    references: Sequence[Sequence[str]]
    tokenise: Optional[str] = None
    tokenised: bool = False
    tokenised_reference: Optional[Sequence[str]] = None
    lengths: Optional[Sequence[int]] = None
    language: str = ""


@dataclass(frozen=True)
class Scale:
    """A measure made ready for one Gold, which is prepared once for all outputs.

    score      of an output; None if the output lacks what the measure reads
    signature  how the score was made, for a reader who wants to repeat it; empty if the measure has no options
    """

    score: Callable[[Output], Optional[float]]
    signature: str = ""


@dataclass(frozen=True)
class Measure:
    """A row of MEASURES.

    title   head of its column
    digits  behind the decimal point in tables
    scale   makes it ready; None if the Gold lacks what the measure reads
    """

    title: str
    digits: int
    scale: Callable[[Gold], Optional[Scale]]
