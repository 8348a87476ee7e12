"""Iterative refinement: predict the masked tokens, mask the doubtful ones again, until nothing is masked.

The loop owns the canvas, the number of passes, the rows still in work, and the trace. It sees model and strategy as
functions.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.candidates import mean_log_probability
from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.order import ORDERS
from fairseq_cmlm.decoding.plan import Plan
from fairseq_cmlm.decoding.planning import Rows
from fairseq_cmlm.decoding.scatter import put, scattered
from fairseq_cmlm.decoding.strategy import Pass
from fairseq_cmlm.decoding.tokens import Draw, Prediction
from fairseq_cmlm.decoding.trace import BatchPass, Trace
from fairseq_cmlm.decoding.transfer import sent
from fairseq_cmlm.sentence_random import derived_keys, uniform_numbers


class Query(NamedTuple):
    """A request of the loop to the model.

    visible    (n, T) int64, the rows in work with the mask symbol at masked positions
    real       (n, T) bool, false at padding
    number     number of real positions, known on the host
    positions  (M,) int64 into the flattened (n * T), ascending: positions to predict
    sets       (M,) int64, the token set of each of them
    rows       (n,) int64, indices of the rows among the N; None while all are in work
    size       number of best tokens to return for a position
    standing   (M,) int64, present tokens whose probabilities to return too; None for none
    entropy    whether to return entropies
    draw       how to draw tokens; None to take the best
    """

    visible: Tensor
    real: Tensor
    number: int
    positions: Tensor
    sets: Tensor
    rows: Optional[Tensor]
    size: int = 1
    standing: Optional[Tensor] = None
    entropy: bool = False
    draw: Optional[Draw] = None


Predict = Callable[[Query], Prediction]


class Refined(NamedTuple):
    """tokens (N, T) int64; log_probs (N, T) float32 natural log; passes (N,) int64 on the host."""

    tokens: Tensor
    log_probs: Tensor
    passes: Tensor


class _Rows(NamedTuple):
    """The rows in work: their canvas (n, T), indices among the N (n,), and numbers of tokens to predict (n,).

    places  the indices again, on the device
    """

    canvas: Canvas
    numbers: Tensor
    places: Tensor
    pending: Tensor

    def unfinished(self) -> _Rows:
        """Return the rows that have something to predict."""
        if self.pending.all():
            return self
        keep = self.pending.nonzero().squeeze(1)
        there = sent(keep, self.places.device)
        return _Rows(self.canvas.rows(there), self.numbers[keep], self.places[there], self.pending[keep])


class _Loop:
    """The state of all N rows while those in work are refined."""

    def __init__(self, predict: Predict, canvas: Canvas, plan: Plan, mask: int, trace: Optional[Trace]) -> None:
        self._predict, self._plan, self._mask, self._trace = predict, plan, mask, trace
        self._fillable, self._real = canvas.fillable, canvas.real
        self._lengths, self._sizes = torch.stack([canvas.fillable.sum(1), canvas.real.sum(1)]).cpu()
        self._total = sent(plan.total, canvas.tokens.device)[:, None]
        self.tokens, self.log_probs = canvas.tokens.clone(), canvas.log_probs.clone()
        self.passes = torch.zeros_like(self._lengths)
        self._unchanged = torch.zeros_like(canvas.tokens[:, :1])
        self._keys = torch.zeros_like(canvas.tokens[:, 0]) if plan.keys is None else plan.keys
        self._sureness = torch.zeros_like(self.log_probs)
        # With 1 the best token alone is told, and no alternatives.
        shown = max(2, trace.alternatives) if trace and trace.alternatives else 0
        self._size = max(plan.strategy.alternatives, plan.order.alternatives, shown)

    def step(self, rows: _Rows, done: int) -> _Rows:
        """Make pass number `done`, from 1, over the rows in work."""
        canvas, numbers, places = rows.canvas, rows.numbers, rows.places
        asked = self._asked(rows, done)
        prediction = self._predict(asked)
        after = _written(canvas, asked, prediction, self._plan)
        self.passes[numbers] = done
        self.tokens[places], self.log_probs[places] = after.tokens, after.log_probs
        same = after.tokens.eq(canvas.tokens).all(dim=1, keepdim=True)
        self._unchanged[places] = (self._unchanged[places] + 1) * same
        count = self._plan.count(self._lengths[numbers], done, self._plan.total[numbers])
        unspent = self._plan.unspent(count, self._plan.total[numbers], done)
        given_up, going_on = self._going_on(places, unspent, done)
        text = Rows(after, self._lengths[numbers], asked.number, asked.rows)
        planned = self._plan.planned(text, unspent, going_on)
        made = self._pass(rows, planned, count, done, asked, prediction)
        allowed = [rule.may_remask(made) for rule in self._plan.rules]
        for rule, may in zip(self._plan.rules, allowed):
            if rule.rows:
                going_on = going_on & may
        masked = self._remask(made, going_on, allowed, given_up, asked, numbers)
        canvas = after.remasked(masked)
        # Only a plan that is not counted must ask the device how much is masked.
        pending = count if self._plan.counted else self._pending(canvas, asked, going_on)
        if self._plan.strategy.rereads:
            pending = self._lengths[numbers] * pending.gt(0)
        return rows._replace(canvas=canvas, pending=pending)

    def _asked(self, rows: _Rows, done: int) -> Query:
        """Ask for the masked positions, or for all fillable ones if the strategy rereads them."""
        canvas, numbers, plan = rows.canvas, rows.numbers, self._plan
        wanted = canvas.fillable if plan.strategy.rereads else canvas.masked
        asked = query_of(
            *(canvas, wanted, rows.pending, int(self._sizes[numbers].sum()), self._mask),
            rows=rows.places if len(numbers) < len(self._lengths) else None,
            size=self._size,
        )
        standing = canvas.tokens.flatten()[asked.positions] if plan.rescores else None
        draw = None if plan.draw is None else Draw(*plan.draw, self._numbers(rows.places, asked, done))
        return asked._replace(standing=standing, entropy=plan.entropy, draw=draw)

    def _numbers(self, places: Tensor, asked: Query, done: int) -> Tensor:
        """Return a uniform number (M,) for each asked position; negative passes keep it apart from Pass.random."""
        keys = derived_keys(self._keys[places], -done)
        return uniform_numbers(keys, asked.visible.size(1)).flatten()[asked.positions]

    def _pending(self, canvas: Canvas, asked: Query, going_on: Tensor) -> Tensor:
        """Count the masked positions of each row, (n,) on the host.

        A row that may be rewritten goes on without masks too, until a pass reads the same canvas as the one before.
        """
        masked = canvas.masked.sum(1)
        if self._plan.strategy.rewrites:
            changed = canvas.visible(self._mask).ne(asked.visible).any(1, keepdim=True)
            masked = masked.maximum((changed & going_on).squeeze(1).long())
        return masked.cpu()

    def _pass(self, rows: _Rows, after: Canvas, count: Tensor, done: int, asked: Query, prediction: Prediction) -> Pass:
        places, order = rows.places, self._plan.order
        ranked, entropy = None, prediction.entropy
        if order is not ORDERS["probability"]:
            ranked = put(self._sureness[places], asked.positions, order.sureness(prediction))
            self._sureness[places] = ranked
        return Pass(
            before=rows.canvas,
            after=after,
            count=sent(count, places.device)[:, None],
            unchanged=self._unchanged[places],
            done=done,
            total=self._total[places],
            keys=self._keys[places],
            alternatives=scattered(prediction.alternatives, asked.positions, asked.visible),
            ranked=ranked,
            entropy=None if entropy is None else put(torch.zeros_like(after.log_probs), asked.positions, entropy),
            schedule=self._plan.schedule,
            eta=self._plan.eta,
            rereads=self._plan.strategy.rereads,
        )

    def _going_on(self, places: Tensor, unspent: Tensor, done: int) -> tuple[Optional[Tensor], Tensor]:
        """Give up candidates that have fallen behind: their log-probabilities become -inf.

        Return which of the rows in work they are, (n,) bool or None, and which rows go on, (n, 1) bool.

        unspent  (n,) bool on the host, the rows that the schedule gives another pass
        """
        halving, going_on = self._plan.halving, sent(unspent, places.device)
        if halving is None:
            return None, going_on[:, None]
        in_work = torch.zeros_like(self._fillable[:, 0]).index_copy(0, places, going_on)
        scores = mean_log_probability(self.log_probs, self._fillable, self._real)
        lost = halving.given_up(scores, in_work, done)
        self.log_probs.masked_fill_(lost[:, None], float("-inf"))
        given_up = lost[places]
        return given_up, (going_on & ~given_up)[:, None]

    def _remask(
        self,
        made: Pass,
        going_on: Tensor,
        allowed: Sequence[Tensor],
        given_up: Optional[Tensor],
        asked: Query,
        numbers: Tensor,
    ) -> Tensor:
        """Choose the positions to mask again, (n, T) bool, and record the pass.

        allowed  of each rule, the positions that it lets be masked again
        """
        chosen = self._plan.strategy.remask(made) & made.after.fillable
        masked, kept_by = chosen, {}
        for rule, may in zip(self._plan.rules, allowed):
            kept_by[rule.reason] = masked & ~may
            masked = masked & may
        masked = masked & going_on
        if self._trace is not None:
            self._trace.add(
                BatchPass(
                    rows=numbers,
                    read=asked.visible,
                    asked=made.before.masked,
                    tokens=made.after.tokens,
                    log_probs=made.after.log_probs,
                    sureness=made.sureness,
                    chosen=chosen,
                    kept_by=kept_by,
                    remasked=masked,
                    fillable=made.after.fillable,
                    given_up=torch.zeros_like(masked[:, 0]) if given_up is None else given_up,
                    real=made.after.real,
                    alternatives=self._trace.kept(made.alternatives),
                )
            )
        return masked


def refine(
    predict: Predict, canvas: Canvas, plan: Plan, mask: int, trace: Optional[Trace] = None, done: int = 0
) -> Refined:
    """Refine every row of `canvas`. A row with nothing to predict is finished and leaves the batch.

    done  number of planned passes already made on the way to `canvas`

    A row that was given up has log-probabilities of -inf. The host waits for the device once per pass; for a counted
    plan, not at all during the passes.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> from fairseq_cmlm.decoding.strategy import STRATEGIES
    >>> def always_7(query):
    ...     return Prediction(torch.full_like(query.positions, 7), -query.positions.float())
    >>> plan = Plan(STRATEGIES["mask_predict"], total=torch.tensor([3]))
    >>> refine(always_7, fully_masked(torch.tensor([4]), pad=1), plan, mask=9).tokens.tolist()
    [[7, 7, 7, 7]]
    """
    loop = _Loop(predict, canvas, plan, mask, trace)
    wanted = canvas.fillable if plan.strategy.rereads else canvas.masked
    numbers = torch.arange(len(canvas.tokens))
    places = sent(numbers, canvas.tokens.device)
    rows = _Rows(canvas, numbers, places, wanted.sum(1).cpu()).unfinished()
    while len(rows.numbers):
        done += 1
        rows = loop.step(rows, done).unfinished()
    return Refined(loop.tokens, loop.log_probs, loop.passes)


def query_of(
    canvas: Canvas, places: Tensor, counts: Tensor, number: int, mask: int, rows: Optional[Tensor], size: int
) -> Query:
    """Ask for the `size` best tokens at the positions `places` (n, T) of `canvas`, of which each row has `counts` (n,).

    number  number of real positions

    Counts and number are known on the host, so that nothing waits for the device.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas = fully_masked(torch.tensor([2, 1]), pad=1)
    >>> asked = query_of(canvas, canvas.masked, torch.tensor([2, 1]), number=3, mask=9, rows=None, size=1)
    >>> asked.visible.tolist(), asked.positions.tolist(), asked.sets.tolist()
    ([[9, 9], [9, 1]], [0, 1, 2], [0, 1, 1])
    """
    positions = torch.nonzero_static(places.flatten(), size=int(counts.sum())).squeeze(1)
    return Query(canvas.visible(mask), canvas.real, number, positions, canvas.sets.flatten()[positions], rows, size)


def _written(canvas: Canvas, asked: Query, prediction: Prediction, plan: Plan) -> Canvas:
    """Write a prediction; where a present token is kept, write only its fresh probability."""
    tokens, log_probs = prediction.tokens, prediction.log_probs
    if asked.standing is not None and prediction.standing is not None:
        replaced = canvas.masked.flatten()[asked.positions]
        if plan.strategy.rewrites and plan.rewrite_above is not None:
            replaced = replaced | (log_probs > plan.rewrite_above)
        tokens = torch.where(replaced, tokens, asked.standing)
        log_probs = torch.where(replaced, log_probs, prediction.standing)
    return canvas.written(asked.positions, tokens, log_probs)
