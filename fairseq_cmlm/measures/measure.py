"""The interface of a measure: what it reads and what it returns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping, NamedTuple, Optional, Sequence


class Perplexity(NamedTuple):
    """A judge of texts: a function of sources and texts that returns their perplexity, and what it is."""

    of: Callable[[Sequence[str], Sequence[str]], float]
    signature: str


@dataclass(frozen=True)
class Output:
    """The output of a system, sentence by sentence.

    texts              the translations as text
    tokens             the translations as subwords, as the model wrote them
    candidate_lengths  length of each length candidate, in tokens with `</s>`; None if unknown
    label_scores       log-probability of each label, natural log, up to a constant; None without labels
    temperature        divisor of the label scores; None if none was fitted
    """

    texts: Sequence[str]
    tokens: Sequence[Sequence[str]]
    candidate_lengths: Optional[Sequence[Sequence[int]]] = None
    label_scores: Optional[Sequence[Sequence[float]]] = None
    temperature: Optional[float] = None

    def to(self, numbers: Sequence[int]) -> Output:
        """Return the output of the sentences with these numbers."""

        def some(part: Optional[Sequence[Any]]) -> Any:
            return part and [part[i] for i in numbers]

        per_sentence = {name: some(value) for name, value in vars(self).items() if name != "temperature"}
        return replace(self, **per_sentence)


@dataclass(frozen=True)
class Gold:
    """References and other facts that an output is measured against, sentence by sentence.

    references            one or more reference texts; None where a sentence has fewer references than another
    tokenise              sacreBLEU's tokenizer for BLEU; None for the default of the language
    tokenised             whether texts and references hold tokens, which keeps sacreBLEU from warning about them
    tokenised_reference   words of a reference as in the training text, before BPE
    lengths               length of a reference in subwords, `</s>` included
    language              language code, if known: zh has a tokenizer of its own, most others use 13a
    sources               texts that the model read
    judge                 function that returns the perplexity of texts as answers to sources
    details               further facts about each sentence: see the formats
    """

    references: Sequence[Sequence[Optional[str]]]
    tokenise: Optional[str] = None
    tokenised: bool = False
    tokenised_reference: Optional[Sequence[str]] = None
    lengths: Optional[Sequence[int]] = None
    language: str = ""
    sources: Optional[Sequence[str]] = None
    judge: Optional[Perplexity] = None
    details: Optional[Sequence[Mapping[str, Any]]] = None


@dataclass(frozen=True)
class Scale:
    """A measure prepared for one Gold, so that references are read once for all outputs.

    score      function of an output; it returns None if the output lacks what the measure reads
    signature  how the score was computed, for whoever repeats it; empty if the measure has no options
    metric     sacreBLEU's metric with the references in it, if paired bootstrap can compare two outputs
    each       where the score is a sum over texts, in percent of a number: function of an output that returns what each
               text adds to the sum
    of         that number
    """

    score: Callable[[Output], Optional[float]]
    signature: str = ""
    metric: Any = None
    each: Optional[Callable[[Output], Sequence[float]]] = None
    of: int = 0

    @classmethod
    def of_each(cls, each: Callable[[Output], Sequence[float]], of: int, signature: str = "") -> Scale:
        """Return the scale of a sum of what `each` returns, in percent of `of`; 0 of nothing."""
        return cls(lambda output: 100 * sum(each(output)) / max(of, 1), signature, each=each, of=of)


@dataclass(frozen=True)
class Measure:
    """A row of MEASURES.

    title   head of its column
    digits  number of decimals in tables
    scale   function that prepares the measure for a Gold; it returns None if the Gold lacks what the measure reads
    """

    title: str
    digits: int
    scale: Callable[[Gold], Optional[Scale]]
