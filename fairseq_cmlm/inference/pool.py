"""The pool that the translation is chosen from: the length candidates, and hypotheses of an autoregressive model.

The two kinds of model err differently, so that what both agree on is better than the favourite of either.
"""

from __future__ import annotations

from dataclasses import fields
from typing import NamedTuple, Optional, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from fairseq_cmlm.decoding.candidates import length_bonus, mean_log_probability
from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.lengths import LEAST
from fairseq_cmlm.decoding.tokens import ANY_WORD


class Hypotheses(NamedTuple):
    """Translations of B sentences by another model, M hypotheses each, best first.

    tokens     (B, M, T) int64, each with `</s>`, padded; a row of padding is no hypothesis
    log_probs  (B, M, T) float32, natural log of the probability of each token given those to its left; 0 at padding
    """

    tokens: Tensor
    log_probs: Tensor


class Searcher(Protocol):
    """An autoregressive model over the same ids that can search; fairseq_cmlm.plugin.beam_search has one."""

    def search(self, source: Tensor) -> Hypotheses:
        """Return hypotheses of the source (B, S) int64."""


class Pool(NamedTuple):
    """K finished candidates of each of B sentences, N = B * K rows.

    canvas  (N, T)
    passes  (N,) int64 on the host, how often a decoder was called to write each; comparing them is not counted
    own     (B, K) float32, the score by confidence; -inf for what is no candidate or was given up
    bonus   (B, K) float32, the length's part in it, natural log; -inf for what is no candidate
    parts   of what was joined, the number of candidates of a sentence that each pool had; () for one pool
    """

    canvas: Canvas
    passes: Tensor
    own: Tensor
    bonus: Tensor
    parts: tuple[int, ...] = ()

    def joined(self, other: Pool, pad: int) -> Pool:
        """Return the candidates of this pool and after them, sentence by sentence, those of another.

        >>> tokens, log_probs = torch.tensor([[[5, 2]], [[7, 2]]]), torch.zeros(2, 1, 2)
        >>> one = pool_of(Hypotheses(tokens, log_probs), torch.zeros(2, 9), prior=0.0, pad=1)
        >>> both = one.joined(pool_of(Hypotheses(tokens[:, :, 1:], log_probs), torch.zeros(2, 9), 0.0, pad=1), pad=1)
        >>> both.canvas.tokens.tolist(), both.passes.tolist()
        ([[5, 2], [2, 1], [7, 2], [2, 1]], [2, 1, 2, 1])
        """
        sentences, width = len(self.own), max(self.canvas.tokens.size(1), other.canvas.tokens.size(1))
        filling = {"tokens": pad, "sets": ANY_WORD}

        def side_by_side(name: str) -> Tensor:
            parts = [getattr(pool.canvas, name) for pool in (self, other)]
            wide = [functional.pad(one, (0, width - one.size(1)), value=filling.get(name, 0)) for one in parts]
            return torch.cat([one.view(sentences, -1, width) for one in wide], dim=1).flatten(0, 1)

        own = torch.cat([self.own, other.own], dim=1)
        passes = torch.cat([pool.passes.view(sentences, -1) for pool in (self, other)], dim=1)
        return Pool(
            canvas=Canvas(*(side_by_side(one.name) for one in fields(Canvas))),
            passes=passes.flatten(),
            own=own,
            bonus=torch.cat([self.bonus, other.bonus], dim=1),
            parts=(self.own.size(1), other.own.size(1)),
        )

    def passes_of_all(self) -> Optional[Tensor]:
        """Return the passes made for each sentence, (B,) int64, whichever candidate is chosen; None for one pool.

        Those of one pool follow those of the other, and its candidates are written side by side: the most of each.
        """
        if not self.parts:
            return None
        each = torch.split(self.passes.view(len(self.own), -1), list(self.parts), dim=1)
        return torch.stack([part.amax(1) for part in each]).sum(0)


def pool_of(found: Hypotheses, length_log_probs: Tensor, prior: float, pad: int) -> Pool:
    """Return hypotheses as candidates: each token was predicted given those to its left, in a pass of its own.

    length_log_probs  (B, L), natural log; one that is longer than L - 1 tokens is no candidate
    prior             weight of the length model
    """
    longest = length_log_probs.size(1) - 1
    lengths = found.tokens.ne(pad).sum(2)
    none = (lengths == 0) | (lengths > longest)
    # What a search has found is a candidate though the length model, on another scale, may hold its length impossible.
    possible = length_log_probs.gather(1, lengths.masked_fill(none, 1)).clamp(min=LEAST)
    log_probs = possible.masked_fill(none, float("-inf"))
    bonus = length_bonus(log_probs, lengths, prior)
    tokens = found.tokens.masked_fill(none[:, :, None], pad)[:, :, :longest].flatten(0, 1)
    real = tokens.ne(pad)
    canvas = Canvas(
        tokens,
        found.log_probs[:, :, :longest].flatten(0, 1).masked_fill(~real, 0.0),
        masked=torch.zeros_like(real),
        fillable=real,
        real=real,
        sets=torch.full_like(tokens, ANY_WORD),
    )
    own = mean_log_probability(canvas.log_probs, real, real).view_as(bonus) + bonus
    return Pool(canvas, lengths.flatten().cpu(), own, bonus)
