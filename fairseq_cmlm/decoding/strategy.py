"""Decoding strategies: after a pass, which positions are masked again?

A strategy answers this question, and may choose among the best tokens of a position; the loop (loop.py) does the rest.
To add one: a function here, a row in STRATEGIES, a row in its test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Optional

import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.tokens import Alternatives
from fairseq_cmlm.schedule import MaskSchedule, linear
from fairseq_cmlm.sentence_random import derived_keys, uniform_numbers


@dataclass(frozen=True)
class Pass:
    """A pass over n rows, as a strategy sees it.

    before        the canvas that the pass read
    after         the same canvas with the new predictions written
    count         (n, 1) int64, number of positions of each row that the mask schedule wants masked again
    unchanged     (n, 1) int64, number of consecutive passes, up to this one, that changed no token of the row
    done          number of passes made, this one included
    total         (n, 1) int64, maximal number of passes of each row
    keys          (n,) int64, the rows' random keys
    alternatives  (n, T, k), the k best tokens where this pass predicted, -inf elsewhere; if the strategy asks for k
    ranked        (n, T) float32, sureness of each token in an order other than probability
    entropy       (n, T) float32, in nats, where this pass predicted, 0 elsewhere; if a rule asks for it
    schedule      the mask schedule
    eta           the strategy's strength
    rereads       whether the pass predicted what stood, too
    """

    before: Canvas
    after: Canvas
    count: Tensor
    unchanged: Tensor
    done: int
    total: Tensor
    keys: Tensor
    alternatives: Optional[Alternatives] = None
    ranked: Optional[Tensor] = None
    entropy: Optional[Tensor] = None
    schedule: MaskSchedule = linear
    eta: float = 0.0
    rereads: bool = False

    @property
    def predicted(self) -> Tensor:
        """Return the positions that this pass predicted, (n, T) bool."""
        return self.before.fillable if self.rereads else self.before.masked

    @property
    def sureness(self) -> Tensor:
        """Return how sure each token is, (n, T), higher is surer: its log-probability, or another order's measure."""
        return self.after.log_probs if self.ranked is None else self.ranked

    def random(self) -> Tensor:
        """Return numbers (n, T) uniform in [0, 1), new in each pass, which depend on the row but not on its batch."""
        return uniform_numbers(derived_keys(self.keys, self.done), self.after.tokens.size(1))


_TINY = 1e-9


@dataclass(frozen=True)
class Strategy:
    """A strategy and its traits.

    remask        Pass -> (n, T) bool, the positions that the next pass predicts again
    keeps_count   whether `remask` masks exactly `Pass.count` positions of each row, so that the host knows the size of
                  the next pass without asking the device
    alternatives  number of best tokens of a position that it reads; 1 for the best only
    random        whether it draws numbers, by `Pass.random`
    rereads       whether each pass also predicts the revealed positions, so that `Pass.after` has the probability of
                  every token in this pass. This needs a network whose objective trains it (Objective.scores_revealed)
    rewrites      whether predictions at revealed positions replace the tokens there; implies `rereads`
    ranks         whether it masks the least sure tokens of an order, which may differ from that of probability
    eta           default of `Pass.eta`; None if it does not use it
    """

    remask: Callable[[Pass], Tensor]
    keeps_count: bool = False
    alternatives: int = 1
    random: bool = False
    rereads: bool = False
    rewrites: bool = False
    ranks: bool = False
    eta: Optional[float] = None


def lowest(values: Tensor, count: Tensor, among: Tensor) -> Tensor:
    """Find the `count` (n, 1) smallest `values` (n, T) of each row among the positions `among` (n, T), as (n, T) bool.

    Ties go to the leftmost position. A row with fewer than `count` candidates gets all of them.

    >>> values = torch.tensor([[3.0, 1.0, 2.0]])
    >>> lowest(values, torch.tensor([[2]]), torch.tensor([[True, True, True]])).tolist()
    [[False, True, True]]
    """
    # NaN counts as lowest; sorted behind infinity it would let in positions that are not `among`.
    ranked = torch.where(among, values.nan_to_num(-math.inf, math.inf, -math.inf), math.inf)
    order = ranked.argsort(dim=1, stable=True)
    ranks = torch.arange(values.size(1), device=values.device).expand_as(order)
    return torch.zeros_like(order).scatter(1, order, ranks).lt(count) & among


def mask_predict(made: Pass) -> Tensor:
    """Mask the least sure tokens of the whole row (paper, section 3.1).

    A kept token competes with its probability in the pass that predicted it.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas, one = fully_masked(torch.tensor([3]), pad=1), torch.tensor([[1]])
    >>> after = canvas.written(torch.arange(3), torch.tensor([5, 6, 2]), torch.tensor([-2.0, -1.0, -0.1]))
    >>> mask_predict(Pass(canvas, after, count=one, unchanged=one, done=2, total=3 * one, keys=one[0])).tolist()
    [[True, False, False]]
    """
    return lowest(made.sureness, made.count, made.after.fillable)


def without_remasking(made: Pass) -> Tensor:
    """Keep filled tokens for good, filling the surest first (Kreutzer, Foster and Cherry 2020; MaskGIT, 2022).

    Each pass fills at least one token, because the next one would otherwise read the same canvas. With a confidence
    threshold, all tokens that are sure enough are filled at once, so that a row finishes sooner.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas, one = fully_masked(torch.tensor([3]), pad=1), torch.tensor([[1]])
    >>> after = canvas.written(torch.arange(3), torch.tensor([5, 6, 2]), torch.tensor([-2.0, -1.0, -0.1]))
    >>> canvas = canvas.remasked(torch.tensor([[False, True, True]]))  # the first is filled already
    >>> without_remasking(Pass(canvas, after, count=one, unchanged=one, done=2, total=3 * one, keys=one[0])).tolist()
    [[False, True, False]]
    """
    unfilled = made.before.masked
    return lowest(made.sureness, made.count.minimum(unfilled.sum(1, keepdim=True) - 1), unfilled)


def path_planning(made: Pass) -> Tensor:
    """Mask the tokens again that are now least likely given the others (path planning, arXiv 2502.03540).

    The log-probabilities of present tokens are read afresh and multiplied by eta: 0 keeps them all, 1 is mask-predict
    with fresh probabilities, and more than 1 masks present tokens more readily.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas, one = fully_masked(torch.tensor([3]), pad=1), torch.tensor([[1]])
    >>> after = canvas.written(torch.arange(3), torch.tensor([5, 6, 2]), torch.tensor([-2.0, -1.0, -0.1]))
    >>> canvas = canvas.remasked(torch.tensor([[False, True, True]]))  # the first stands
    >>> facts = dict(count=one, unchanged=one, done=2, total=3 * one, keys=one[0])
    >>> [path_planning(Pass(canvas, after, eta=eta, **facts)).tolist() for eta in (0.0, 1.0)]
    [[[False, True, False]], [[True, False, False]]]
    """
    weighted = torch.where(made.before.masked, made.after.log_probs, made.eta * made.after.log_probs)
    return lowest(weighted, made.count, made.after.fillable)


def remdm_cap(made: Pass) -> Tensor:
    """Reveal and mask again at random; mask present tokens with probability min(eta, the maximum possible).

    ReMDM (Wang et al. 2025, arXiv 2503.00307), sections 3 and 4: the expected masked share follows the schedule for any
    eta. We differ in one point: while passes are left, at least one token stays masked, because a row without masks is
    finished.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas, one = fully_masked(torch.tensor([3]), pad=1), torch.tensor([[1]])
    >>> facts = dict(count=one, unchanged=one, total=4 * one, keys=one[0], eta=0.02)
    >>> [remdm_cap(Pass(canvas, canvas, done=t, **facts)).sum().item() for t in (1, 4)]
    [2, 0]
    """
    before, after = _shares(made)
    return _drawn(made, before, after, _most_remasked(before, after).clamp(max=made.eta))


def remdm_rescale(made: Pass) -> Tensor:
    """Reveal and mask as remdm_cap does, but present tokens with eta times the maximum possible probability.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas, one = fully_masked(torch.tensor([3]), pad=1), torch.tensor([[1]])
    >>> facts = dict(count=one, unchanged=one, total=4 * one, keys=one[0], eta=0.05)
    >>> [remdm_rescale(Pass(canvas, canvas, done=t, **facts)).sum().item() for t in (1, 4)]
    [2, 0]
    """
    before, after = _shares(made)
    return _drawn(made, before, after, made.eta * _most_remasked(before, after))


def remdm_conf(made: Pass) -> Tensor:
    """Reveal and mask as remdm_cap does, but each present token with its part, softmax(-p), of the maximum probability.

    Nothing compensates for the tokens masked again, so more is masked than the schedule says.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas, one = fully_masked(torch.tensor([3]), pad=1), torch.tensor([[1]])
    >>> facts = dict(count=one, unchanged=one, total=4 * one, keys=one[0], eta=0.0)
    >>> [remdm_conf(Pass(canvas, canvas, done=t, **facts)).sum().item() for t in (1, 4)]
    [2, 0]
    """
    before, after = _shares(made)
    stands = made.after.fillable & ~made.before.masked
    part = (-made.after.log_probs.exp()).masked_fill(~stands, -math.inf).softmax(dim=1).nan_to_num(0.0)
    return _drawn(made, before, after, part * _most_remasked(before, after))


def remdm_loop(made: Pass) -> Tensor:
    """Reveal most at random, mask present tokens with probability eta for half of the passes, reveal the rest.

    ReMDM's loop, with its t_on = 0.55, t_off = 0.05 and alpha = 0.9: most is nine tenths of the schedule, so 90 %
    of the tokens with the linear one.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas, one = fully_masked(torch.tensor([3]), pad=1), torch.tensor([[1]])
    >>> facts = dict(count=one, unchanged=one, total=4 * one, keys=one[0], eta=0.02)
    >>> [remdm_loop(Pass(canvas, canvas, done=t, **facts)).sum().item() for t in (1, 4)]
    [2, 0]
    """
    before, after = _shares(made, lambda progress: (2 * progress).clamp(max=0.9) + 2 * (progress - 0.95).clamp(min=0))
    sigma = _most_remasked(before, after).clamp(max=made.eta)
    return _drawn(made, before, after, sigma * before.eq(after))


def _shares(made: Pass, held: Callable[[Tensor], Tensor] = lambda progress: progress) -> tuple[Tensor, Tensor]:
    """Return the masked shares (n, 1) before and after the pass; `held` maps progress to that of the schedule."""
    progress = ((made.done - step) / made.total.double() for step in (1, 0))
    before, after = (made.schedule(held(one).clamp(max=1)).clamp(min=0).float() for one in progress)
    return before, after


def _most_remasked(before: Tensor, after: Tensor) -> Tensor:
    """Return the highest probability (n, 1) of masking present tokens that still allows the masked share `after`."""
    return (after / (1 - before).clamp(min=_TINY)).clamp(max=1)


def _drawn(made: Pass, before: Tensor, after: Tensor, sigma: Tensor) -> Tensor:
    """Mask present tokens with probability `sigma` (n, T), and keep the expected masked share at `after` (n, 1)."""
    reveal = ((1 - after) - (1 - sigma) * (1 - before)) / before.clamp(min=_TINY)
    numbers, fillable = made.random(), made.after.fillable
    masked = torch.where(made.before.masked, numbers >= reveal, numbers < sigma) & fillable
    one = lowest(numbers, (made.total > made.done).long(), fillable)
    return torch.where(masked.any(1, keepdim=True), masked, one)


STRATEGIES: dict[str, Strategy] = {
    "mask_predict": Strategy(mask_predict, keeps_count=True, ranks=True),
    "without_remasking": Strategy(without_remasking, ranks=True),
    # Mask-predict over fresh tokens and probabilities: CMLMC (Huang et al., ICLR 2022), SMART (arXiv 2001.08785).
    "all_tokens": Strategy(mask_predict, keeps_count=True, rereads=True, rewrites=True, ranks=True),
    # Filled positions stay filled, but their tokens may be replaced (LLaDA 2.1, arXiv 2602.08676).
    "edit": Strategy(without_remasking, rereads=True, rewrites=True, ranks=True),
    "path_planning": Strategy(path_planning, keeps_count=True, rereads=True, eta=1.0),
    "remdm_cap": Strategy(remdm_cap, random=True, eta=0.02),
    "remdm_rescale": Strategy(remdm_rescale, random=True, eta=0.05),
    "remdm_conf": Strategy(remdm_conf, random=True),
    "remdm_loop": Strategy(remdm_loop, random=True, eta=0.02),
}
