"""The canvas: the target tokens as far as they are known, and how sure the model was of each."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Canvas:
    """N rows of T target positions while they are refined.

    A masked position keeps the token that was last predicted there; only :meth:`visible` hides it. So a canvas with
    nothing masked holds predictions alone, and the mask symbol can never be left in an output.

    tokens      (N, T) int64
    confidence  (N, T) float32, natural log of the probability of the token in the pass that predicted it
    masked      (N, T) bool, what the next pass has to predict; a subset of `fillable`
    fillable    (N, T) bool, neither padding nor frozen
    real        (N, T) bool, no padding
    """

    tokens: Tensor
    confidence: Tensor
    masked: Tensor
    fillable: Tensor
    real: Tensor

    def visible(self, mask: int) -> Tensor:
        """What the model reads, (N, T): the mask symbol at masked positions, the tokens elsewhere."""
        return self.tokens.masked_fill(self.masked, mask)

    def rows(self, index: Tensor) -> Canvas:
        """The rows `index` (n,) of this canvas."""
        return Canvas(*(getattr(self, field.name)[index] for field in fields(self)))

    def joined(self, other: Canvas) -> Canvas:
        """The rows of this canvas, then those of `other`, which is as wide."""
        parts = [(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)]
        return Canvas(*(torch.cat(pair) for pair in parts))

    def written(self, positions: Tensor, tokens: Tensor, confidence: Tensor) -> Canvas:
        """Return the canvas with predictions `tokens`, `confidence` (M,) at the flat `positions` (M,) into (N * T)."""
        return replace(
            self,
            tokens=self.tokens.flatten().index_copy(0, positions, tokens).view_as(self.tokens),
            confidence=self.confidence.flatten().index_copy(0, positions, confidence).view_as(self.confidence),
        )

    def remasked(self, masked: Tensor) -> Canvas:
        """Return the canvas with `masked` (N, T) as what the next pass predicts."""
        return replace(self, masked=masked)


def fully_masked(lengths: Tensor, pad: int) -> Canvas:
    """The first canvas of mask-predict: everything masked (paper, section 3.1).

    lengths  (N,) int64, tokens of each row with `</s>`, all at least 1
    """
    width = int(lengths.max())
    real = torch.arange(width, device=lengths.device) < lengths[:, None]
    tokens = torch.full(real.shape, pad, dtype=torch.long, device=lengths.device)
    confidence = torch.zeros(real.shape, dtype=torch.float32, device=lengths.device)
    return Canvas(tokens, confidence, masked=real, fillable=real, real=real)
