"""The canvas: the target tokens known so far, and how sure the model was of each."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from fairseq_cmlm.decoding.tokens import ANY_WORD, END


@dataclass(frozen=True)
class Canvas:
    """N rows of T target positions while they are refined.

    A masked position keeps the token last predicted there; only :meth:`visible` hides it. So a canvas without masks
    holds predictions only, and an output can never contain the mask symbol.

    tokens     (N, T) int64
    log_probs  (N, T) float32, natural log of the probability of the token in the last pass that predicted or reread it;
               0 where frozen
    masked     (N, T) bool, positions that the next pass has to predict; a subset of `fillable`
    fillable   (N, T) bool, false at padding and at frozen positions (given by the user)
    real       (N, T) bool, false at padding
    sets       (N, T) int64, number of the token set that a position is limited to
    """

    tokens: Tensor
    log_probs: Tensor
    masked: Tensor
    fillable: Tensor
    real: Tensor
    sets: Tensor

    def visible(self, mask: int) -> Tensor:
        """Return the input of the model, (N, T): the mask symbol at masked positions, the tokens elsewhere."""
        return self.tokens.masked_fill(self.masked, mask)

    def rows(self, index: Tensor) -> Canvas:
        """Return the rows `index` (n,) of this canvas."""
        return Canvas(*(getattr(self, field.name)[index] for field in fields(self)))

    def joined(self, other: Canvas) -> Canvas:
        """Append the rows of `other`, a canvas of the same width."""
        parts = [(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)]
        return Canvas(*(torch.cat(pair) for pair in parts))

    def written(self, positions: Tensor, tokens: Tensor, log_probs: Tensor) -> Canvas:
        """Return the canvas with predictions `tokens`, `log_probs` (M,) at the flat `positions` (M,) into (N * T)."""
        return replace(
            self,
            tokens=self.tokens.flatten().index_copy(0, positions, tokens).view_as(self.tokens),
            log_probs=self.log_probs.flatten().index_copy(0, positions, log_probs).view_as(self.log_probs),
        )

    def remasked(self, masked: Tensor) -> Canvas:
        """Return the canvas with `masked` (N, T) as the positions that the next pass predicts."""
        return replace(self, masked=masked)


def fully_masked(lengths: Tensor, pad: int, last_set: int = END) -> Canvas:
    """Return the first canvas of mask-predict: everything masked (paper, section 3.1).

    lengths   (N,) int64, tokens of each row with `</s>`, all at least 1
    last_set  token set of the last position of a row: END, or ANY_WORD where `</s>` may stand anywhere

    >>> fully_masked(torch.tensor([3, 1]), pad=1).visible(mask=9).tolist()
    [[9, 9, 9], [9, 1, 1]]
    """
    width = int(lengths.max())
    columns = torch.arange(width, device=lengths.device)
    real = columns < lengths[:, None]
    tokens = torch.full(real.shape, pad, dtype=torch.long, device=lengths.device)
    log_probs = torch.zeros(real.shape, dtype=torch.float32, device=lengths.device)
    sets = torch.full_like(tokens, ANY_WORD).masked_fill(columns == lengths[:, None] - 1, last_set)
    return Canvas(tokens, log_probs, masked=real, fillable=real, real=real, sets=sets)
