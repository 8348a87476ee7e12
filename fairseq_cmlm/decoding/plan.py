"""The plan of a decoding: everything that the loop needs beside the canvas and the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Optional, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.candidates import Halving
from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.order import ORDERS, Order
from fairseq_cmlm.decoding.planning import Rows
from fairseq_cmlm.decoding.stopping import StoppingRule
from fairseq_cmlm.decoding.strategy import Strategy
from fairseq_cmlm.schedule import MaskSchedule, linear, remasked_count

# (lengths (n,), passes done, total (n,)) -> number of tokens to mask again (n,), all int64 on the host. It must be 0 at
# done == total and never rise with `done`; the loop relies on both.
CountRemasked = Callable[[Tensor, int, Tensor], Tensor]


@dataclass(frozen=True)
class Plan:
    """The plan for refining rows.

    total          (N,) int64 on the host, maximal number of passes of each row, the first one included
    count          function that returns the number of tokens to mask again
    schedule       the mask schedule itself, for strategies that reveal with a probability
    order          ranking of tokens for the strategy
    rules          stopping rules, which end the passes of a row or token early
    halving        rule that gives up length candidates on the way
    keys           (N,) int64, random keys of the rows, for drawing numbers
    draw           temperature and top-p, if tokens are drawn
    eta            the strategy's strength
    rewrite_above  log-probability, natural log, above which another token replaces a present one; None: always
    planner        function that returns the log-probabilities (n, T) of tokens that strategy and rules see; None for
                   those of the passes that predicted them
    """

    strategy: Strategy
    total: Tensor
    count: CountRemasked = lambda lengths, done, total: remasked_count(linear, lengths, done, total)
    schedule: MaskSchedule = linear
    order: Order = ORDERS["probability"]
    rules: Sequence[StoppingRule] = ()
    halving: Optional[Halving] = None
    keys: Optional[Tensor] = None
    draw: Optional[tuple[float, float]] = None
    eta: float = 0.0
    rewrite_above: Optional[float] = None
    planner: Optional[Callable[[Rows], Tensor]] = None

    @property
    def counted(self) -> bool:
        """Return whether the host knows beforehand how many positions every pass predicts."""
        whole = self.rules or self.halving is not None or self.strategy.rewrites
        return self.strategy.keeps_count and not whole

    @property
    def entropy(self) -> bool:
        """Return whether the entropy of every predicted position is needed."""
        return self.order.entropy or any(rule.entropy for rule in self.rules)

    @property
    def rescores(self) -> bool:
        """Return whether the probabilities of present tokens are needed."""
        return self.strategy.rereads and not (self.strategy.rewrites and self.rewrite_above is None)

    def unspent(self, count: Tensor, total: Tensor, done: int) -> Tensor:
        """Return which rows the schedule gives another pass after `done`, (n,) bool on the host.

        count, total  (n,) int64 on the host, the tokens to mask again, and the maximal number of passes
        """
        whatever = self.strategy.rewrites or self.strategy.random  # the count is not what ends these
        return (total > done) & (count.gt(0) | whatever)

    def planned(self, rows: Rows, unspent: Tensor, going_on: Tensor) -> Canvas:
        """Return the canvas with the planner's log-probabilities in the rows that go on.

        unspent   (n,) bool on the host, the rows that the schedule gives another pass
        going_on  (n, 1) bool, those of them that were not given up
        """
        if self.planner is None or not unspent.any():
            return rows.canvas
        judged = rows.canvas.fillable & going_on
        log_probs = torch.where(judged, self.planner(rows), rows.canvas.log_probs)
        return replace(rows.canvas, log_probs=log_probs)
