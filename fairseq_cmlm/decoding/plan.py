"""The plan of a decoding: all that the loop is told beside the canvas and the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Optional, Sequence

from torch import Tensor

from fairseq_cmlm.decoding.candidates import Halving
from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.order import ORDERS, Order
from fairseq_cmlm.decoding.planning import Rows
from fairseq_cmlm.decoding.stopping import StoppingRule
from fairseq_cmlm.decoding.strategy import Strategy
from fairseq_cmlm.schedule import MaskSchedule, linear, remasked_count

# (lengths (n,), passes done, total (n,)) -> how many tokens are masked again (n,), all int64 on the host. It must fall
# to 0 at done == total and never rise with `done`; the loop relies on both.
CountRemasked = Callable[[Tensor, int, Tensor], Tensor]


@dataclass(frozen=True)
class Plan:
    """How rows are refined.

    total          (N,) int64 on the host, the most passes of each row, the first one included
    count          how many tokens the schedule masks again
    schedule       the mask schedule itself, for strategies that reveal with a probability
    order          what the strategy ranks tokens by
    rules          end the passes of a row or token early
    halving        gives up length candidates on the way
    keys           (N,) int64, random keys of the rows, for what draws numbers
    draw           temperature and top-p, where tokens are drawn
    eta            the strategy's strength
    rewrite_above  natural log of the probability above which another token replaces one that stands; None: any does
    planner        gives the tokens of rows the log-probabilities (n, T) that strategy and rules see; None: their own
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
        """Whether the host knows beforehand how many positions every pass predicts."""
        whole = self.rules or self.halving is not None or self.strategy.rewrites
        return self.strategy.keeps_count and not whole

    @property
    def entropy(self) -> bool:
        """Whether the entropy of every predicted position is wanted."""
        return self.order.entropy or any(rule.entropy for rule in self.rules)

    @property
    def rescores(self) -> bool:
        """Whether the probabilities of tokens that stand are wanted."""
        return self.strategy.rereads and not (self.strategy.rewrites and self.rewrite_above is None)

    def planned(self, rows: Rows, total: Tensor, done: int) -> Canvas:
        """Return the canvas with the planner's log-probabilities; as it is after the last pass of all rows.

        total  (n,) int64 on the host, the most passes of each row
        """
        if self.planner is None or not (total > done).any():
            return rows.canvas
        log_probs = self.planner(rows).masked_fill(~rows.canvas.fillable, 0.0)
        return replace(rows.canvas, log_probs=log_probs)
