"""What a measure is: what it reads, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping, Optional, Sequence

Judge = Callable[[Sequence[str], Sequence[str]], float]


@dataclass(frozen=True)
class Output:
    """What a system made of a text, sentence by sentence.

    texts              the translations as text
    tokens             the same as the model wrote them: subwords
    candidate_lengths  tokens with `</s>` of each length candidate; None where they are not known
    label_scores       natural log of what each label has, up to a constant; None where no label was asked for
    temperature        by which these are to be divided; None where none was fitted
    """

    texts: Sequence[str]
    tokens: Sequence[Sequence[str]]
    candidate_lengths: Optional[Sequence[Sequence[int]]] = None
    label_scores: Optional[Sequence[Sequence[float]]] = None
    temperature: Optional[float] = None

    def to(self, numbers: Sequence[int]) -> Output:
        """Return what it has of the sentences of these numbers alone."""

        def some(part: Optional[Sequence[Any]]) -> Any:
            return part and [part[i] for i in numbers]

        per_sentence = {name: some(value) for name, value in vars(self).items() if name != "temperature"}
        return replace(self, **per_sentence)


@dataclass(frozen=True)
class Gold:
    """What an output is measured against, sentence by sentence.

    references            one or more reference texts; None where a sentence has fewer of them than another
    tokenise              sacreBLEU's tokenizer for BLEU; None is the one of the language
    tokenised             True if texts and references hold tokens, so that sacreBLEU shall not warn of them
    tokenised_reference   words of a reference as in the training text, before BPE
    lengths               subwords with `</s>` of a reference
    language              code of the language, where it is known: zh has a tokenizer of its own, most have 13a
    sources               what the model read
    judge                 a model that gives the perplexity of texts as answers to sources
    details               what is known of each sentence beside: see the formats
    """

    references: Sequence[Sequence[Optional[str]]]
    tokenise: Optional[str] = None
    tokenised: bool = False
    tokenised_reference: Optional[Sequence[str]] = None
    lengths: Optional[Sequence[int]] = None
    language: str = ""
    sources: Optional[Sequence[str]] = None
    judge: Optional[Judge] = None
    details: Optional[Sequence[Mapping[str, Any]]] = None


@dataclass(frozen=True)
class Scale:
    """A measure made ready for one Gold, which is prepared once for all outputs.

    score      of an output; None if the output lacks what the measure reads
    signature  how the score was made, for a reader who wants to repeat it; empty if the measure has no options
    metric     sacreBLEU's, with the references in it, where two outputs can be compared by paired bootstrap
    """

    score: Callable[[Output], Optional[float]]
    signature: str = ""
    metric: Any = None


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
