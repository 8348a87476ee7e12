"""Iterative refinement: predict what is masked, mask again what is doubtful, until nothing is masked.

The loop owns the canvas, the number of passes, the rows that are still in work and the trace. The model is a function
to it, and so is the strategy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Optional, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.candidate_score import mean_log_probability
from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.early_exit import Contest, Exit
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


@dataclass(frozen=True)
class Plan:
    """How rows are refined.

    total    (N,) int64 on the host, the most passes of each row, the first one included
    exits    end the passes of a row or token earlier
    contest  gives up length candidates on the way
    """

    strategy: Strategy
    schedule: MaskSchedule
    total: Tensor
    exits: Sequence[Exit] = ()
    contest: Optional[Contest] = None

    @property
    def counted(self) -> bool:
        """Whether the host knows beforehand how many positions every pass predicts."""
        return self.strategy.keeps_count and not self.exits and self.contest is None

    def again(self, last: Pass) -> Tensor:
        """What of the rows that have passes left is masked again, (n, T) bool."""
        masked = self.strategy.remask(last) & last.after.fillable
        for exit_ in self.exits:
            masked = masked & exit_(last)
        return masked


def refine(predict: Predict, canvas: Canvas, plan: Plan, mask: int, trace: Optional[list[Snapshot]] = None) -> Refined:
    """Refine every row of `canvas`. A row with nothing masked is finished and leaves the batch.

    A row that loses the contest has a confidence of -inf. The device is waited for once a pass, and not at all once the
    passes have begun where the plan is counted.
    """
    lengths, sizes, pending = (part.sum(1).cpu() for part in (canvas.fillable, canvas.real, canvas.masked))
    fillable, tokens, confidence = canvas.fillable, canvas.tokens.clone(), canvas.confidence.clone()
    passes, stood = torch.zeros_like(lengths), torch.zeros_like(canvas.tokens[:, :1])
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
        count = plan.schedule(lengths[rows], done, plan.total[rows])
        go_on = (plan.total[rows] > done).to(after.tokens.device)
        if plan.contest is not None:
            behind = plan.contest.behind(mean_log_probability(confidence, fillable), done)
            confidence.masked_fill_(behind[:, None], float("-inf"))
            go_on = go_on & ~behind[rows]
        stood[rows] = (stood[rows] + 1) * after.tokens.eq(canvas.tokens).all(dim=1, keepdim=True)
        masked = plan.again(Pass(canvas, after, count[:, None].to(after.tokens.device), stood[rows]))
        canvas = after.remasked(masked & go_on[:, None])
        pending = count if plan.counted else canvas.masked.sum(1).cpu()


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
