"""Iterative refinement: predict what is masked, mask again what is doubtful, until nothing is masked.

The loop owns the canvas, the number of passes, the rows that are still in work, and the trace. The model is a function
to it, and so is the strategy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, NamedTuple, Optional, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.candidates import Halving, mean_log_probability
from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.stopping import StoppingRule
from fairseq_cmlm.decoding.strategy import Pass, Strategy
from fairseq_cmlm.decoding.tokens import Alternatives, Prediction
from fairseq_cmlm.decoding.trace import BatchPass, Trace
from fairseq_cmlm.schedule import linear, remasked_count
from fairseq_cmlm.sentence_random import derived_keys, uniform_numbers


class Query(NamedTuple):
    """What the loop asks of the model.

    visible    (n, T) int64, the rows in work with the mask symbol at masked positions
    real       (n, T) bool, no padding
    number     how many positions are real, known on the host
    positions  (M,) int64 into the flattened (n * T), ascending: where a prediction is wanted
    sets       (M,) int64, the token set that each of them is limited to
    rows       (n,) int64, which of the N rows these are; None while all are in work
    size       how many of the best tokens of a position are wanted
    """

    visible: Tensor
    real: Tensor
    number: int
    positions: Tensor
    sets: Tensor
    rows: Optional[Tensor]
    size: int = 1


Predict = Callable[[Query], Prediction]
# (lengths (n,), passes done, total (n,)) -> how many tokens are masked again (n,), all int64 on the host. It must fall
# to 0 at done == total and never rise with `done`; the loop relies on both.
CountRemasked = Callable[[Tensor, int, Tensor], Tensor]


class Refined(NamedTuple):
    """tokens (N, T) int64; log_probs (N, T) float32 natural log; passes (N,) int64 on the host."""

    tokens: Tensor
    log_probs: Tensor
    passes: Tensor


@dataclass(frozen=True)
class Plan:
    """How rows are refined.

    total    (N,) int64 on the host, the most passes of each row, the first one included
    count    how many tokens the schedule masks again
    rules    end the passes of a row or token early
    halving  gives up length candidates on the way
    keys     (N,) int64, random keys of the rows, for strategies that draw numbers
    """

    strategy: Strategy
    total: Tensor
    count: CountRemasked = lambda lengths, done, total: remasked_count(linear, lengths, done, total)
    rules: Sequence[StoppingRule] = ()
    halving: Optional[Halving] = None
    keys: Optional[Tensor] = None

    @property
    def counted(self) -> bool:
        """Whether the host knows beforehand how many positions every pass predicts."""
        return self.strategy.keeps_count and not self.rules and self.halving is None


class _Rows(NamedTuple):
    """The rows in work: their canvas (n, T), which of the N rows they are (n,), how much of each is masked (n,)."""

    canvas: Canvas
    numbers: Tensor
    pending: Tensor

    def unfinished(self) -> _Rows:
        """Return those that have something masked."""
        if self.pending.all():
            return self
        keep = self.pending.nonzero().squeeze(1)
        return _Rows(self.canvas.rows(keep.to(self.canvas.tokens.device)), self.numbers[keep], self.pending[keep])


class _Loop:
    """The state of all N rows while those in work are refined."""

    def __init__(self, predict: Predict, canvas: Canvas, plan: Plan, mask: int, trace: Optional[Trace]) -> None:
        self._predict, self._plan, self._mask, self._trace = predict, plan, mask, trace
        self._fillable = canvas.fillable
        self._lengths, self._sizes = canvas.fillable.sum(1).cpu(), canvas.real.sum(1).cpu()
        self.tokens, self.log_probs = canvas.tokens.clone(), canvas.log_probs.clone()
        self.passes = torch.zeros_like(self._lengths)
        self._unchanged = torch.zeros_like(canvas.tokens[:, :1])
        self._keys = torch.zeros_like(canvas.tokens[:, 0]) if plan.keys is None else plan.keys
        wanted = max(plan.strategy.alternatives, trace.alternatives if trace else 0)
        self._size = max(wanted, 1)

    def step(self, rows: _Rows, done: int) -> _Rows:
        """Make pass number `done`, from 1, over the rows in work."""
        canvas, numbers = rows.canvas, rows.numbers
        asked = query_of(
            *(canvas, canvas.masked, rows.pending, int(self._sizes[numbers].sum()), self._mask),
            rows=numbers if len(numbers) < len(self._lengths) else None,
            size=self._size,
        )
        prediction = self._chosen(self._predict(asked), numbers, asked, done)
        after = canvas.written(asked.positions, prediction.tokens, prediction.log_probs)
        self.passes[numbers] = done
        self.tokens[numbers], self.log_probs[numbers] = after.tokens, after.log_probs
        same = after.tokens.eq(canvas.tokens).all(dim=1, keepdim=True)
        self._unchanged[numbers] = (self._unchanged[numbers] + 1) * same
        count = self._plan.count(self._lengths[numbers], done, self._plan.total[numbers])
        made = self._pass(rows, after, count, done, _scattered(prediction.alternatives, asked))
        given_up = self._given_up(numbers, done)
        masked = self._remask(made, given_up, asked, numbers)
        # Only a plan that is not counted has to ask the device how much is masked.
        pending = count if self._plan.counted else masked.sum(1).cpu()
        return _Rows(after.remasked(masked), numbers, pending)

    def _chosen(self, prediction: Prediction, numbers: Tensor, asked: Query, done: int) -> Prediction:
        """Let the strategy choose among the best tokens, if it wants to."""
        choose, alternatives = self._plan.strategy.choose, prediction.alternatives
        if choose is None or alternatives is None:
            return prediction
        # Numbers of their own: negative passes cannot meet those of Pass.random.
        keys = derived_keys(self._keys[numbers], -done)
        random = uniform_numbers(keys, asked.visible.size(1)).flatten()[asked.positions]
        return choose(alternatives, random)._replace(alternatives=alternatives)

    def _pass(self, rows: _Rows, after: Canvas, count: Tensor, done: int, alternatives: Optional[Alternatives]) -> Pass:
        device, numbers = after.tokens.device, rows.numbers
        return Pass(
            before=rows.canvas,
            after=after,
            count=count[:, None].to(device),
            unchanged=self._unchanged[numbers],
            done=done,
            total=self._plan.total[numbers, None].to(device),
            keys=self._keys[numbers],
            alternatives=alternatives,
        )

    def _given_up(self, numbers: Tensor, done: int) -> Optional[Tensor]:
        """Give up candidates that have fallen behind: their log-probabilities become -inf. Return which, (n,) bool."""
        halving = self._plan.halving
        if halving is None:
            return None
        in_work = torch.zeros(len(self.tokens), dtype=torch.bool)
        in_work[numbers] = True
        scores = mean_log_probability(self.log_probs, self._fillable)
        lost = halving.given_up(scores, in_work.to(scores.device), done)
        self.log_probs.masked_fill_(lost[:, None], float("-inf"))
        return lost[numbers]

    def _remask(self, made: Pass, given_up: Optional[Tensor], asked: Query, numbers: Tensor) -> Tensor:
        """Decide what is masked again, (n, T) bool, and record the pass."""
        chosen = self._plan.strategy.remask(made) & made.after.fillable
        masked, kept_by = chosen, {}
        for rule in self._plan.rules:
            allowed = rule.may_remask(made)
            kept_by[rule.reason] = masked & ~allowed
            masked = masked & allowed
        going_on = made.total > made.done
        if given_up is not None:
            going_on = going_on & ~given_up[:, None]
        masked = masked & going_on
        if self._trace is not None:
            self._trace.passes.append(
                BatchPass(
                    rows=numbers,
                    read=asked.visible,
                    asked=made.before.masked,
                    tokens=made.after.tokens,
                    log_probs=made.after.log_probs,
                    chosen=chosen,
                    kept_by=kept_by,
                    remasked=masked,
                    fillable=made.after.fillable,
                    given_up=torch.zeros_like(masked[:, 0]) if given_up is None else given_up,
                    alternatives=made.alternatives if self._trace.alternatives else None,
                )
            )
        return masked


def refine(predict: Predict, canvas: Canvas, plan: Plan, mask: int, trace: Optional[Trace] = None) -> Refined:
    """Refine every row of `canvas`. A row with nothing masked is finished and leaves the batch.

    A row that was given up has log-probabilities of -inf. One device sync per pass, and none once the passes have begun
    where the plan is counted.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> from fairseq_cmlm.decoding.strategy import STRATEGIES
    >>> def always_7(query):
    ...     return Prediction(torch.full_like(query.positions, 7), -query.positions.float())
    >>> plan = Plan(STRATEGIES["mask_predict"], total=torch.tensor([3]))
    >>> refine(always_7, fully_masked(torch.tensor([4]), pad=1), plan, mask=9).tokens.tolist()
    [[7, 7, 7, 7]]
    """
    loop = _Loop(predict, canvas, plan, mask, trace)
    rows = _Rows(canvas, torch.arange(len(canvas.tokens)), canvas.masked.sum(1).cpu()).unfinished()
    done = 0
    while len(rows.numbers):
        done += 1
        rows = loop.step(rows, done).unfinished()
    return Refined(loop.tokens, loop.log_probs, loop.passes)


def query_of(
    canvas: Canvas, places: Tensor, counts: Tensor, number: int, mask: int, rows: Optional[Tensor], size: int
) -> Query:
    """Ask for the `size` best tokens at the positions `places` (n, T) of `canvas`, of which each row has `counts` (n,).

    number  how many positions are real

    Counts and number are known on the host, so nothing waits for the device.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas = fully_masked(torch.tensor([2, 1]), pad=1)
    >>> asked = query_of(canvas, canvas.masked, torch.tensor([2, 1]), number=3, mask=9, rows=None, size=1)
    >>> asked.visible.tolist(), asked.positions.tolist(), asked.sets.tolist()
    ([[9, 9], [9, 1]], [0, 1, 2], [0, 1, 1])
    """
    positions = torch.nonzero_static(places.flatten(), size=int(counts.sum())).squeeze(1)
    device = canvas.tokens.device
    rows = None if rows is None else rows.to(device)
    return Query(canvas.visible(mask), canvas.real, number, positions, canvas.sets.flatten()[positions], rows, size)


def _scattered(alternatives: Optional[Alternatives], asked: Query) -> Optional[Alternatives]:
    """Return the alternatives (M, k) at their places in the canvas, (n, T, k)."""
    if alternatives is None:
        return None
    shape = (*asked.visible.shape, alternatives.tokens.size(1))
    tokens = alternatives.tokens.new_zeros(shape).flatten(0, 1).index_copy(0, asked.positions, alternatives.tokens)
    log_probs = alternatives.log_probs.new_full(shape, float("-inf")).flatten(0, 1)
    log_probs = log_probs.index_copy(0, asked.positions, alternatives.log_probs)
    return Alternatives(tokens.view(shape), log_probs.view(shape))
