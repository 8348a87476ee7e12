"""Iterative refinement of one sentence's candidates: fairseq_cmlm.decoding.loop in numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, NamedTuple, Optional, Sequence

import numpy as np

from fairseq_cmlm.draft import Draft
from fairseq_cmlm.runtime.arrays import Array
from fairseq_cmlm.runtime.manifest import Symbols
from fairseq_cmlm.runtime.network import Encoded, Layout, Network
from fairseq_cmlm.runtime.schedule import remasked_count
from fairseq_cmlm.runtime.strategy import Pass, StoppingRule


class Start(NamedTuple):
    """Where refinement begins: K rows (K, T), on the way to which `done` passes were made.

    tokens     int64; anything where masked
    log_probs  float32, natural log; 0 for what is not filled
    masked     bool, what the next pass predicts
    fillable   bool, what may be predicted at all
    lengths    (K,) int64, tokens in all
    """

    tokens: Array
    log_probs: Array
    masked: Array
    fillable: Array
    lengths: Array
    done: int

    @classmethod
    def of_lengths(cls, lengths: Array, pad: int) -> Start:
        """Return rows of `lengths` (K,) of which everything is masked."""
        real = np.arange(lengths.max()) < lengths[:, None]
        return cls(np.full(real.shape, pad), np.zeros(real.shape, np.float32), real, real, lengths, 0)

    @classmethod
    def of_draft(cls, draft: Draft, total: int) -> Start:
        """Return the row of a draft; one that has had all `total` passes gets one more for its masked tokens."""
        fillable = ~np.array([draft.fixed])
        log_probs = np.where(fillable, np.array([draft.log_probs], np.float32), np.float32(0))
        tokens, masked = np.array([draft.tokens]), np.array([draft.masked])
        return cls(tokens, log_probs, masked, fillable, np.array([len(draft.tokens)]), min(draft.done, total - 1))


class Plan(NamedTuple):
    """The plan for refining K candidates.

    lengths   (K,) int64, tokens to fill, `</s>` among them
    total     (K,) int64, the most passes of each
    bonus     (K,) float32, the length's part in the score of each
    places    how many candidates were asked for
    halve     give up the worse half after every so many passes; None: never
    strategy  Pass -> (n, T) bool, what is masked again
    schedule  the mask schedule
    rules     end the passes of a row or token early
    """

    lengths: Array
    total: Array
    bonus: Array
    places: int
    halve: Optional[int]
    strategy: Callable[[Pass], Array]
    schedule: Callable[[Array], Array]
    rules: Sequence[StoppingRule]


class MadePass(NamedTuple):
    """One pass over n of the K rows, named as in fairseq_cmlm.decoding.trace.BatchPass.

    logits  (M, V), of the masked positions `asked`; None unless wanted
    """

    rows: Array
    read: Array
    asked: Array
    tokens: Array
    log_probs: Array
    chosen: Array
    kept_by: dict[str, Array]
    remasked: Array
    fillable: Array
    given_up: Array
    logits: Optional[Array]


Watch = Callable[[MadePass], object]


@dataclass
class Refined:
    """K candidates of lengths (K,): tokens (K, T) int64, log_probs (K, T) float32, natural log; passes (K,) made.

    A candidate that was given up has log-probabilities of -inf.
    """

    lengths: Array
    tokens: Array
    log_probs: Array
    passes: Array

    def scores(self, plan: Plan) -> Array:
        """Return the mean log-probability of each candidate and the length's part, (K,) float32."""
        found: Array = self.log_probs.sum(axis=1) / self.lengths.clip(min=1).astype(np.float32) + plan.bonus
        return found


class _Rows(NamedTuple):
    """The rows in work: which of the K they are (n,), where they are masked, fillable, and at their end, all (n, T)."""

    numbers: Array
    masked: Array
    fillable: Array
    ends: Array
    layout: Layout

    @classmethod
    def of(cls, numbers: Array, masked: Array, start: Start) -> _Rows:
        """Return the rows `numbers` (n,) of the start, with these masks (n, T), cut to the longest of them."""
        lengths = start.lengths[numbers, None]
        columns = np.arange(lengths.max())
        masked, fillable = masked[:, : len(columns)], start.fillable[numbers, : len(columns)]
        return cls(numbers, masked, fillable, columns == lengths - 1, Layout.of(columns < lengths))


class _Refinement:
    """The state of all K rows while those in work are refined."""

    def __init__(
        self, network: Network, encoded: Encoded, symbols: Symbols, plan: Plan, start: Start, logits: bool
    ) -> None:
        self._network, self._encoded, self._symbols = network, encoded, symbols
        self._plan, self._logits = plan, logits
        number = len(start.tokens)
        self.found = Refined(start.lengths, start.tokens.copy(), start.log_probs.copy(), np.zeros(number, np.int64))
        self._unchanged = np.zeros(number, np.int64)

    def step(self, rows: _Rows, done: int) -> MadePass:
        """Make pass number `done`, from 1, over the rows in work."""
        found, numbers, width = self.found, rows.numbers, rows.masked.shape[1]
        before, log_probs = found.tokens[numbers, :width], found.log_probs[numbers, :width]
        read = np.where(rows.masked, self._symbols.mask, before)
        token, log_prob, end_log_prob, *logits = self._network.step(
            self._encoded, rows.layout, read, rows.masked, self._logits
        )
        after, last = before.copy(), rows.ends[rows.masked]
        after[rows.masked] = np.where(last, self._symbols.eos, token)
        log_probs[rows.masked] = np.where(last, end_log_prob, log_prob)
        found.tokens[numbers, :width], found.log_probs[numbers, :width], found.passes[numbers] = after, log_probs, done
        self._unchanged[numbers] = (self._unchanged[numbers] + 1) * (after == before).all(axis=1)
        quota = remasked_count(self._plan.schedule, self._plan.lengths[numbers], done, self._plan.total[numbers])
        given_up = self._given_up(numbers[(self._plan.total[numbers] > done) & (quota > 0)], numbers, done)
        chosen, kept_by, remasked = self._remasked(rows, log_probs, quota)
        remasked = remasked & ((self._plan.total[numbers] > done) & ~given_up)[:, None]
        facts = (numbers, read, rows.masked, after, log_probs, chosen, kept_by, remasked, rows.fillable, given_up)
        return MadePass(*facts, logits[0] if logits else None)

    def _remasked(self, rows: _Rows, log_probs: Array, quota: Array) -> tuple[Array, dict[str, Array], Array]:
        """Return the positions that the strategy masks again, those that each rule keeps, and the rest, all (n, T)."""
        plan, numbers = self._plan, rows.numbers
        made = Pass(rows.masked, log_probs, rows.fillable, quota, self._unchanged[numbers])
        chosen = remasked = plan.strategy(made)
        kept_by = {}
        for rule in plan.rules:
            allowed = rule.may_remask(made)
            kept_by[rule.reason], remasked = remasked & ~allowed, remasked & allowed
        return chosen, kept_by, remasked

    def _given_up(self, unspent: Array, numbers: Array, done: int) -> Array:
        """Give up the candidates that have fallen behind; return which of the rows in work they are, (n,) bool.

        unspent  the numbers of the rows that the schedule gives another pass: without any, nothing is saved any more
        """
        plan = self._plan
        if plan.halve is None or not len(unspent):
            return np.zeros(len(numbers), bool)
        ranked = np.argsort(-self.found.scores(plan), kind="stable")
        lost = np.zeros(len(ranked), bool)
        lost[ranked[left_after(done // plan.halve, plan.places) :]] = True
        self.found.log_probs[lost] = -np.inf
        found: Array = lost[numbers]
        return found


def left_after(halvings: int, places: int) -> int:
    """Return how many of `places` candidates are left, rounded up.

    >>> [left_after(halvings, 5) for halvings in (0, 1, 2, 10**9)]
    [5, 3, 2, 1]
    """
    return -(-places // 2 ** min(halvings, places))


def refine(
    network: Network,
    encoded: Encoded,
    symbols: Symbols,
    plan: Plan,
    start: Start,
    watch: Optional[Watch],
    logits: bool,
) -> Refined:
    """Refine the candidates of an encoded source until nothing is masked.

    watch   is called with every pass
    logits  whether it is told them
    """
    state, done = _Refinement(network, encoded, symbols, plan, start, logits), start.done
    numbers = np.flatnonzero(start.masked.any(axis=1))
    rows = _Rows.of(numbers, start.masked[numbers], start) if len(numbers) else None
    while rows is not None:
        done += 1
        made = state.step(rows, done)
        if watch is not None:
            watch(made)
        left = made.remasked.any(axis=1)
        numbers = rows.numbers[left]
        if left.all():
            rows = rows._replace(masked=made.remasked)
        else:
            rows = _Rows.of(numbers, made.remasked[left], start) if len(numbers) else None
    return state.found
