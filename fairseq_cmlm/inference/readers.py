"""Who reads the candidates of a batch: the networks once more, and autoregressive models beside them."""

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
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.inference.predictor import Predictor
from fairseq_cmlm.sentence_random import text_keys

# (tokens (n, T), real (n, T) bool, how many are real, which (n,) of the N = B * K rows these are or None for all)
# -> the natural log of the probability of each token given those to its left, (n, T) float32; 0 at padding
ReadCandidates = Callable[[Tensor, Tensor, int, Optional[Tensor]], Tensor]


class Judge(Protocol):
    """An autoregressive model over the same ids; fairseq_cmlm.plugin.autoregressive has one."""

    def read(self, source: Tensor, size: int) -> ReadCandidates:
        """Encode the source (B, S) int64, to read `size` candidates of each sentence."""


@dataclass(frozen=True)
class Judges:
    """Who has a say beside the networks.

    rescorer  of --rescore-with
    planner   of --plan-with; it may be the same, and then reads the source once
    text      ids of a target -> its text, for `--choose-by consensus`
    """

    rescorer: Optional[Judge] = None
    planner: Optional[Judge] = None
    text: Optional[Callable[[Sequence[int]], str]] = None


NOBODY = Judges()


class Choice(NamedTuple):
    """scores (B, K), by which the candidates are ranked, -inf for what is none; parts, those of each chooser."""

    scores: Tensor
    parts: dict[str, Tensor]


class Readers:
    """Who reads the candidates of a batch of B sentences, `size` = K of each: asked for nothing, they do nothing.

    source     (B, S) int64
    predictor  the networks over N = B * K rows
    """

    def __init__(self, source: Tensor, size: int, predictor: Predictor, judges: Judges, symbols: Symbols) -> None:
        self._source, self._size, self._judges, self._symbols = source, size, judges, symbols
        self._predictor = predictor
        self._reading: dict[int, ReadCandidates] = {}

    def plan(self, name: str, rows: Rows) -> Tensor:
        """Return the log-probabilities (n, T) that a row of PLANNERS gives the tokens."""
        return PLANNERS[name](self._filled(rows, self._judges.planner))

    def compare(self, canvas: Canvas, own: Tensor, bonus: Tensor, weights: Mapping[str, float]) -> Choice:
        """Give the finished candidates, `canvas` (N, T), the scores of some rows of CHOOSERS and their weighted sum.

        own      (B, K), the scores by confidence; -inf for what is no candidate or was given up, which nobody reads
        bonus    (B, K), what the length model adds
        weights  of each chooser
        """
        if list(weights) == ["confidence"]:
            return Choice(own * weights["confidence"], {"confidence": own})
        which = own.flatten().isfinite().nonzero().squeeze(1)
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
        """Return the rows with those who can read them."""
        hidden, left_to_right = partial(self._hidden, rows), partial(self._left_to_right, rows, judge)
        return Filled(rows.canvas, rows.lengths, hidden, left_to_right, partial(self._quality, rows))

    def _hidden(self, rows: Rows, hide: Tensor, counts: Tensor) -> Tensor:
        """Return the networks' log-probabilities (n, T) of the tokens that they are not shown."""
        canvas = rows.canvas.remasked(hide)
        asked = query_of(canvas, hide, counts, rows.number, self._symbols.mask, rows.which, size=1)
        tokens = canvas.tokens.flatten()[asked.positions]
        found = self._predictor.log_probs(asked, tokens)
        return torch.zeros_like(canvas.log_probs).flatten().index_copy(0, asked.positions, found).view_as(hide)

    def _quality(self, rows: Rows) -> Tensor:
        """Return what the networks' quality heads make of the tokens, (n, T)."""
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
        """Return random keys (n,) of source and candidate."""
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
