"""The results of a Translator and a Bundle, and their construction from a generator's hypotheses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Iterable, NamedTuple, Optional

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.given_words import GivenWords, filled_text

if TYPE_CHECKING:  # the runtime has no torch
    from torch import Tensor

    from fairseq_cmlm.decoding.options import Decoding
    from fairseq_cmlm.decoding.trace import RowPass


@dataclass(frozen=True)
class TracedPass:
    """One pass over a candidate of n tokens, `</s>` included; each list has one entry per token.

    read, written   tokens before and after the pass; `<mask>` where the model had to predict
    predicted       whether this pass had to predict the token
    text            the written tokens as text
    probabilities   probability of each written token in the pass that predicted it; with `plan_by`, the planner's
                    after each pass but those behind which the schedule has none
    masked_again    whether the token was masked for the next pass
    ranks           rank of each token by probability, 0 for the least sure; -1 for tokens fixed by the user
    why             the reason for masking it again: `unsure` (predicted in this pass, among the least sure), `taken
                    back` (filled before, now among the least sure), `masked` (not filled yet); or for not doing so:
                    `kept`, `finished`, `given` (fixed by the user), `given up` (the candidate lost), or the stopping
                    rule that kept it: `sure`, `certain`, `unchanged`
    alternatives    the best tokens with their probabilities, including the written one, where this pass predicted; for
                    a token taken back, see the pass that predicted it. Empty unless asked for
    attention       weight of each source token for each token in this pass; the weights of a token sum to 1. Empty
                    unless asked for
    score           mean log-probability of the candidate so far, natural log
    """

    read: list[str]
    written: list[str]
    predicted: list[bool]
    text: str
    probabilities: list[float]
    masked_again: list[bool]
    ranks: list[int]
    why: list[str]
    alternatives: list[list[tuple[str, float]]]
    attention: list[list[float]]
    score: float


_SHARE_DIGITS = 2  # decimals of attention weights, which outnumber all other values


def shares(attention: list[list[float]]) -> list[list[float]]:
    """Round the attention weights of a pass for a page.

    >>> shares([[0.3333, 0.6667]])
    [[0.33, 0.67]]
    """
    return [[round(share, _SHARE_DIGITS) for share in one] for one in attention]


@dataclass(frozen=True)
class Candidate:
    """The translation of one length.

    length   number of tokens, `</s>` included
    number   place among the candidates before ranking, from 0, most probable length first
    score    score that ranks the candidates: by default the mean log-probability of the tokens plus the bonus, natural
             log
    scores   name -> score of each chooser in `choose_by`, and always of the default one, `confidence`
    bonus    the length's part in the score, natural log
    passes   number of passes made
    history  every pass, if asked for
    """

    length: int
    number: int
    text: str
    score: float
    scores: dict[str, float]
    bonus: float
    passes: int
    history: Optional[list[TracedPass]]


@dataclass(frozen=True)
class Translation:
    """Text and score of the best length candidate, and all candidates, best first.

    source    tokens that the model read, `</s>` included
    given_up  candidates that were given up on the way, with the texts of their last passes and, if a history was asked
              for, the scores; else -inf
    """

    text: str
    score: float
    source: list[str]
    candidates: list[Candidate]
    given_up: list[Candidate]


@dataclass(frozen=True)
class Likelihood:
    """The likelihood of a given translation, in natural log.

    bound   estimated upper bound of the negative log-likelihood of the translation, its length included
    tokens  number of its tokens, `</s>` included
    """

    bound: float
    tokens: int


def texts_of(name: str, texts: Iterable[str]) -> list[str]:
    """Return the texts of an argument `name` as a list; raise a TextError for anything else than strings.

    >>> texts_of("texts", (text for text in ("a", "b")))
    ['a', 'b']
    """
    found = [] if isinstance(texts, (str, bytes)) else list(texts)
    if isinstance(texts, (str, bytes)) or not all(isinstance(text, str) for text in found):
        raise TextError(f"{name} must be a list of strings")
    return found


def check_alternatives(number: int) -> None:
    """Raise an OptionError unless `number`, of alternatives to keep, is a whole number of at least 0."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise OptionError(f"alternatives={number!r} must be a whole number, 0 or more")


# Called with each pass: (number of the text, number of the candidate, pass).
Watch = Callable[[int, int, TracedPass], object]


class Shown(NamedTuple):
    """The parts of passes to keep: the arguments of the same names in `Translator.translate`."""

    history: bool
    alternatives: int
    attention: bool
    watch: Optional[Watch]

    def check(self, decoding: Decoding) -> None:
        """Raise an OptionError if a decoding cannot keep what is asked for."""
        check_alternatives(self.alternatives)
        kept = self.history or self.watch is not None
        if self.alternatives and (decoding.searches or not kept):
            way_out = f"leave them out with {decoding.strategy}" if kept else "ask for it with history=True"
            raise OptionError(f"alternatives={self.alternatives} stand in the history of a refinement: {way_out}")
        if self.attention and not kept:
            raise OptionError("the attention stands in the history: ask for it with history=True")


@dataclass(frozen=True)
class Wording:
    """Functions that turn ids into words.

    source, target  id -> word
    text            target ids (n,) -> text
    """

    source: Callable[[int], str]
    target: Callable[[int], str]
    text: Callable[[Tensor], str]

    def translation(self, hypotheses: list[dict[str, Any]], source: Tensor, real: Tensor) -> Translation:
        """Make a translation of the generator's hypotheses; `real` (S,) is false at the padding of `source` (S,)."""
        candidates = [self._candidate(one, real) for one in hypotheses]
        given_up = [self._candidate(one, real) for one in hypotheses[0]["given_up"]]
        words = [self.source(token) for token in source[real].tolist()]
        return Translation(candidates[0].text, candidates[0].score, words, candidates, given_up)

    def _candidate(self, hypothesis: dict[str, Any], real: Tensor) -> Candidate:
        passes, score = hypothesis["trace"], hypothesis["score"]
        given, scores = hypothesis["given"], hypothesis["scores"]
        history = None if passes is None else [self.traced(made, real, given) for made in passes]
        if score == float("-inf"):  # given up, so that nobody has compared it at the end
            score = history[-1].score + hypothesis["bonus"] if history else score
            scores = {"confidence": score}
        return Candidate(
            length=hypothesis["length"],
            number=hypothesis["number"],
            text=self._target_text(hypothesis["tokens"], hypothesis["fillable"], given),
            score=score,
            scores=scores,
            bonus=hypothesis["bonus"],
            passes=hypothesis["steps"],
            history=history,
        )

    def _target_text(self, tokens: Tensor, fillable: Tensor, given: Optional[GivenWords]) -> str:
        """Return a target (n,) as text, with the words that were `given` as they were typed."""
        if given is None:
            return self.text(tokens)
        return filled_text(given, fillable.tolist(), lambda begin, end: self.text(tokens[begin:end]))

    def traced(self, made: RowPass, real: Tensor, given: Optional[GivenWords] = None) -> TracedPass:
        """Return a pass in words; `real` (S,) is false at the padding of the source, `given` as they were typed."""
        best: list[list[tuple[str, float]]] = []
        if made.alternatives is not None:
            for tokens, log_probs in zip(*made.alternatives):
                best.append([(self.target(t), p) for t, p in zip(tokens.tolist(), log_probs.exp().tolist()) if p > 0])
        return TracedPass(
            read=[self.target(token) for token in made.read.tolist()],
            written=[self.target(token) for token in made.tokens.tolist()],
            predicted=made.asked.tolist(),
            text=self._target_text(made.tokens, made.fillable, given),
            probabilities=made.log_probs.exp().tolist(),
            masked_again=made.remasked.tolist(),
            ranks=made.ranks,
            why=made.why,
            alternatives=best,
            attention=[] if made.attention is None else made.attention[:, real].tolist(),
            score=made.score,
        )
