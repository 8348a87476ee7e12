"""Iterative refinement: predict what is masked, mask again what is doubtful, until nothing is masked.

The loop owns the canvas, the number of passes, the rows that are still in work and the trace. The model is a function
to it, and so is the strategy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Optional

import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.mask_schedule import MaskSchedule
from fairseq_cmlm.decoding.prediction import Predict, Query
from fairseq_cmlm.decoding.strategy import Pass, Strategy


class Snapshot(NamedTuple):
    """One pass, for the trace: its rows (n,) on the host, what it read and what stood there after it, (n, T)."""

    rows: Tensor
    visible: Tensor
    tokens: Tensor


@dataclass(frozen=True)
class Refined:
    """tokens (N, T) int64; confidence (N, T) float32 natural log; passes (N,) int64 on the host."""

    tokens: Tensor
    confidence: Tensor
    passes: Tensor


def refine(
    predict: Predict,
    canvas: Canvas,
    strategy: Strategy,
    schedule: MaskSchedule,
    total: Tensor,
    mask: int,
    trace: Optional[list[Snapshot]] = None,
) -> Refined:
    """Refine every row of `canvas` for at most `total` (N,) passes; `total` lies on the host and counts the first pass.

    A row with nothing masked is finished and leaves the batch. With a strategy that keeps the schedule's count nothing
    waits for the device once the passes have begun.
    """
    lengths, sizes, pending = (part.sum(1).cpu() for part in (canvas.fillable, canvas.real, canvas.masked))
    tokens, confidence = canvas.tokens.clone(), canvas.confidence.clone()
    passes = torch.zeros_like(lengths)
    rows = torch.arange(len(lengths))
    done = 0
    while True:
        if not pending.all():
            canvas, rows, pending = _leave(canvas, rows, pending)
        if not len(rows):
            return Refined(tokens, confidence, passes)
        left = rows if len(rows) < len(lengths) else None
        query = query_of(canvas, canvas.masked, pending, int(sizes[rows].sum()), mask, left)
        after = canvas.written(query.positions, *predict(query))
        done += 1
        passes[rows] = done
        tokens[rows], confidence[rows] = after.tokens, after.confidence
        if trace is not None:
            trace.append(Snapshot(rows, query.visible, after.tokens))
        count = schedule(lengths[rows], done, total[rows])
        masked = strategy.remask(Pass(canvas, after, count[:, None].to(after.tokens.device)))
        open_rows = (total[rows] > done).to(masked.device)
        canvas = after.remasked(masked & after.fillable & open_rows[:, None])
        pending = count if strategy.keeps_count else canvas.masked.sum(1).cpu()


def _leave(canvas: Canvas, rows: Tensor, pending: Tensor) -> tuple[Canvas, Tensor, Tensor]:
    """The canvas, row numbers (n,) and masked counts (n,) of the rows that still have something masked."""
    keep = pending.nonzero().squeeze(1)
    return canvas.rows(keep.to(canvas.tokens.device)), rows[keep], pending[keep]


def query_of(canvas: Canvas, places: Tensor, counts: Tensor, size: int, mask: int, rows: Optional[Tensor]) -> Query:
    """Ask for the positions `places` (n, T) of `canvas`, of which each row has `counts` (n,).

    size  how many positions are real

    Both are known on the host, so nothing waits for the device.
    """
    positions = torch.nonzero_static(places.flatten(), size=int(counts.sum())).squeeze(1)
    following = torch.nn.functional.pad(canvas.fillable, (0, 1))[:, 1:]
    last = (canvas.fillable & ~following).flatten()[positions]
    device = canvas.tokens.device
    return Query(canvas.visible(mask), canvas.real, size, positions, last, None if rows is None else rows.to(device))
