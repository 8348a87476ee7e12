"""Readers of the candidates of a batch: the networks themselves, and autoregressive models beside them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Callable, Mapping, NamedTuple, Optional, Protocol, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.choice import CHOOSERS, Finished
from fairseq_cmlm.decoding.loop import query_of
from fairseq_cmlm.decoding.planning import PLANNERS, Filled, Rows
from fairseq_cmlm.decoding.tokens import Symbols
from fairseq_cmlm.decoding.verification import Prefer
from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.inference.pool import Searcher
from fairseq_cmlm.inference.predictor import Predictor
from fairseq_cmlm.sentence_random import text_keys

# (tokens (n, T), real (n, T) bool, number of real tokens, indices (n,) among the N = B * K rows or None for all)
# -> log-probability of each token given those to its left, natural log, (n, T) float32; 0 at padding
ReadCandidates = Callable[[Tensor, Tensor, int, Optional[Tensor]], Tensor]


class Judge(Protocol):
    """An autoregressive model over the same ids; fairseq_cmlm.plugin.autoregressive implements it."""

    def read(self, source: Tensor, size: int) -> ReadCandidates:
        """Encode the source (B, S) int64, to read `size` candidates of each sentence."""

    def prefer(self, source: Tensor, size: int) -> Prefer:
        """Encode the source, to say at each place of `size` candidates what this model would have said."""


def check_positions(side: str, longest: int, limit: int) -> None:
    """Raise a TextError if the source or the target, `side`, has more tokens than the `limit` of a judge."""
    if longest > limit:
        raise TextError(
            f"a {side} of {longest} tokens (</s> counts) is longer than the model of --rescore-with, "
            f"--plan-with or --verify-with reads, {limit}: shorten it, or leave the option out"
        )


@dataclass(frozen=True)
class Judges:
    """Models that plan or compare beside the networks.

    rescorer  the model of --rescore-with
    planner   the model of --plan-with; if it is the same model, it reads the source once
    text      function from the ids of a target to its text, for `--choose-by consensus`
    searcher  the model of --search-with, whose hypotheses join the candidates
    verifier  the model of --verify-with, whose greedy search is the result
    """

    rescorer: Optional[Judge] = None
    planner: Optional[Judge] = None
    text: Optional[Callable[[Sequence[int]], str]] = None
    searcher: Optional[Searcher] = None
    verifier: Optional[Judge] = None


NOBODY = Judges()


class Choice(NamedTuple):
    """scores (B, K) rank the candidates, -inf for a row that is no candidate; parts are the scores of each chooser."""

    scores: Tensor
    parts: dict[str, Tensor]


class Readers:
    """The readers of the candidates of B sentences, `size` = K of each; they compute only what is asked for.

    source     (B, S) int64
    predictor  the networks over N = B * K rows
    """

    def __init__(self, source: Tensor, size: int, predictor: Predictor, judges: Judges, symbols: Symbols) -> None:
        self._source, self._size, self._judges, self._symbols = source, size, judges, symbols
        self._predictor = predictor
        self._reading: dict[int, ReadCandidates] = {}

    def plan(self, name: str, rows: Rows) -> Tensor:
        """Return the log-probabilities (n, T) of the tokens by the planner `name`, a row of PLANNERS."""
        return PLANNERS[name](self._filled(rows, self._judges.planner))

    def compare(self, canvas: Canvas, own: Tensor, bonus: Tensor, weights: Mapping[str, float]) -> Choice:
        """Score the finished candidates, `canvas` (N, T), by some rows of CHOOSERS and their weighted sum.

        own      (B, K), scores by confidence; -inf for a row that is no candidate or was given up, which is not read
        bonus    (B, K), the length's part in the score
        weights  chooser -> weight
        """
        if list(weights) == ["confidence"]:
            return Choice(own * weights["confidence"], {"confidence": own})
        which = own.flatten().isfinite().nonzero().squeeze(1)
        if not len(which):
            return Choice(own, dict.fromkeys(("confidence", *weights), own))
        rows = Rows.of(canvas, None if len(which) == own.numel() else which)
        finished = Finished(
            **vars(self._filled(rows, self._judges.rescorer)),
            bonus=bonus.flatten()[which],
            keys=partial(self._keys, rows.canvas, which),
            texts=partial(self._texts, rows.canvas, which),
        )
        parts = {"confidence": own}
        for name in [name for name in weights if name not in parts]:
            scores = torch.full_like(own, float("-inf")).flatten()
            parts[name] = scores.index_copy(0, which, CHOOSERS[name](finished)).view_as(own)
        return Choice(torch.stack([weight * parts[name] for name, weight in weights.items()]).sum(0), parts)

    def _filled(self, rows: Rows, judge: Optional[Judge]) -> Filled:
        """Return the rows together with their readers."""
        hidden, left_to_right = partial(self._hidden, rows), partial(self._left_to_right, rows, judge)
        return Filled(rows.canvas, rows.lengths, hidden, left_to_right, partial(self._quality, rows))

    def _hidden(self, rows: Rows, hide: Tensor, counts: Tensor) -> Tensor:
        """Return the networks' log-probabilities (n, T) of tokens that are hidden from them."""
        canvas = rows.canvas.remasked(hide)
        asked = query_of(canvas, hide, counts, rows.number, self._symbols.mask, rows.which, size=1)
        tokens = canvas.tokens.flatten()[asked.positions]
        found = self._predictor.log_probs(asked, tokens)
        return torch.zeros_like(canvas.log_probs).flatten().index_copy(0, asked.positions, found).view_as(hide)

    def _quality(self, rows: Rows) -> Tensor:
        """Return the judgement of the networks' quality heads on the tokens, (n, T)."""
        canvas = rows.canvas.remasked(torch.zeros_like(rows.canvas.masked))
        mask, everything = self._symbols.mask, canvas.fillable
        asked = query_of(canvas, everything, rows.lengths, rows.number, mask, rows.which, size=1)
        found = self._predictor.quality(asked)
        return torch.zeros_like(canvas.log_probs).flatten().index_copy(0, asked.positions, found).view_as(everything)

    def _left_to_right(self, rows: Rows, judge: Optional[Judge]) -> Tensor:
        """Return the log-probabilities (n, T) of an autoregressive model."""
        if judge is None:
            raise OptionError("an autoregressive choice or plan needs the model of --rescore-with or --plan-with")
        if id(judge) not in self._reading:
            self._reading[id(judge)] = judge.read(self._source, self._size)
        return self._reading[id(judge)](rows.canvas.tokens, rows.canvas.real, rows.number, rows.which)

    def _keys(self, canvas: Canvas, which: Tensor) -> Tensor:
        """Return random keys (n,) that depend on source and candidate."""
        sources = text_keys(0, self._source, self._source.ne(self._symbols.pad))
        return text_keys(1, canvas.tokens, canvas.real) ^ sources[which // self._size]

    def _texts(self, canvas: Canvas, which: Tensor) -> list[list[str]]:
        """Return the texts of each sentence's candidates."""
        if self._judges.text is None:
            raise OptionError("--choose-by consensus compares texts, and nobody makes text of tokens here")
        found: dict[int, list[str]] = {}
        sentences = (which // self._size).tolist()
        for sentence, tokens, size in zip(sentences, canvas.tokens.tolist(), canvas.real.sum(1).tolist()):
            found.setdefault(sentence, []).append(self._judges.text(tokens[:size]))
        return list(found.values())
