"""What a Translator and a Bundle return, and how it is made of what the generator found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional

from fairseq_cmlm.errors import OptionError

if TYPE_CHECKING:  # the runtime has no torch
    from torch import Tensor

    from fairseq_cmlm.decoding.options import Decoding
    from fairseq_cmlm.decoding.trace import RowPass


@dataclass(frozen=True)
class TracedPass:
    """One pass over a candidate of n tokens, `</s>` included; each list has an entry for each of them.

    read, written   the tokens before and after the pass; `<mask>` where the model had to predict
    predicted       whether this pass had to predict the token
    text            what was written, as text
    probabilities   of the written tokens, each in the pass that predicted it; by `plan_by`, where it is given, after
                    each pass but the last
    masked_again    whether the token was masked for the next pass
    ranks           of the tokens by their probability, 0 for the least sure; -1 for what the user has fixed
    why             masked again: `unsure` (predicted in this pass, among the least sure), `taken back` (filled before,
                    and now among the least sure), `masked` (never filled yet); or not: `kept`, `finished`, `given`
                    (fixed by the user), `given up` (the candidate lost), or the stopping rule that kept it: `sure`,
                    `unchanged`
    alternatives    the best tokens and their probabilities, the written one among them, where this pass predicted; for
                    a token that is taken back see the pass that predicted it. Empty unless asked for
    attention       how much the token read of each token of the source in this pass; a token's shares sum to 1. Empty
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


_SHARE_DIGITS = 2  # decimals: there are more shares of the attention than of all else together


def shares(attention: list[list[float]]) -> list[list[float]]:
    """Round the attention of a pass, for a page.

    >>> shares([[0.3333, 0.6667]])
    [[0.33, 0.67]]
    """
    return [[round(share, _SHARE_DIGITS) for share in one] for one in attention]


@dataclass(frozen=True)
class Candidate:
    """The translation of one length.

    length   tokens with `</s>`
    number   its place among the candidates before they were ranked, from 0, the most probable length first
    score    by which the candidates are ranked: by default the mean log-probability of the tokens and the length's part
             in it, natural log
    scores   of each chooser that was asked (`choose_by`), by its name; `confidence`, the default one, always
    bonus    the length's part, natural log
    passes   the passes made
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
    """The text and score of the best of the length candidates, and all of them, best first.

    source    the tokens that the model read, `</s>` included
    given_up  the candidates that were given up on the way, best first, if a history was asked for; their scores and
              texts are those of their last passes
    """

    text: str
    score: float
    source: list[str]
    candidates: list[Candidate]
    given_up: list[Candidate]


@dataclass(frozen=True)
class Likelihood:
    """How likely a given translation is, natural log.

    bound   an upper bound, estimated, of the negative log-likelihood of the translation, its length included
    tokens  the number of its tokens, `</s>` included
    """

    bound: float
    tokens: int


# (number of the text, number of the candidate, pass): what a Translator calls with each pass that it makes
Watch = Callable[[int, int, TracedPass], object]


class Shown(NamedTuple):
    """What is kept of the passes: the arguments of the same names in `Translator.translate`."""

    history: bool
    alternatives: int
    attention: bool
    watch: Optional[Watch]

    def check(self, decoding: Decoding) -> None:
        """Raise an OptionError for what would not be kept."""
        kept = self.history or self.watch is not None
        if self.alternatives and (decoding.searches or not kept):
            way_out = f"leave them out with {decoding.strategy}" if kept else "ask for it with history=True"
            raise OptionError(f"alternatives={self.alternatives} stand in the history of a refinement: {way_out}")
        if self.attention and not kept:
            raise OptionError("the attention stands in the history: ask for it with history=True")


@dataclass(frozen=True)
class Wording:
    """How ids become words.

    source, target  the word of an id
    text            the text of target ids (n,)
    """

    source: Callable[[int], str]
    target: Callable[[int], str]
    text: Callable[[Tensor], str]

    def translation(self, hypotheses: list[dict[str, Any]], source: Tensor, real: Tensor) -> Translation:
        """Return the translation that the generator's hypotheses make up; `source` (S,) is no padding where `real`."""
        candidates = [self._candidate(one, real) for one in hypotheses]
        given_up = [self._candidate(one, real) for one in hypotheses[0].get("given_up", [])]
        words = [self.source(token) for token in source[real].tolist()]
        return Translation(candidates[0].text, candidates[0].score, words, candidates, given_up)

    def _candidate(self, hypothesis: dict[str, Any], real: Tensor) -> Candidate:
        passes, score = hypothesis["trace"], hypothesis["score"]
        history = None if passes is None else [self.traced(made, real) for made in passes]
        if history and score == float("-inf"):
            score = history[-1].score + hypothesis["bonus"]
        return Candidate(
            length=hypothesis["length"],
            number=hypothesis["number"],
            text=self.text(hypothesis["tokens"]),
            score=score,
            scores=hypothesis["scores"],
            bonus=hypothesis["bonus"],
            passes=hypothesis["steps"],
            history=history,
        )

    def traced(self, made: RowPass, real: Tensor) -> TracedPass:
        """Return a pass in words; `real` (S,) says which of the source is no padding."""
        best: list[list[tuple[str, float]]] = []
        if made.alternatives is not None:
            for tokens, log_probs in zip(*made.alternatives):
                best.append([(self.target(t), p) for t, p in zip(tokens.tolist(), log_probs.exp().tolist()) if p > 0])
        return TracedPass(
            read=[self.target(token) for token in made.read.tolist()],
            written=[self.target(token) for token in made.tokens.tolist()],
            predicted=made.asked.tolist(),
            text=self.text(made.tokens),
            probabilities=made.log_probs.exp().tolist(),
            masked_again=made.remasked.tolist(),
            ranks=made.ranks,
            why=made.why,
            alternatives=best,
            attention=[] if made.attention is None else made.attention[:, real].tolist(),
            score=made.score,
        )
