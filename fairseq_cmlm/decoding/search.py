"""Beam search over (position, token): each pass fills one token, which the search order picks.

easy_first fills the surest position, left_to_right the leftmost; both read the whole canvas. The released code compares
with them. A search order is a function masked (n, T) -> (n, T) bool, the positions that may be filled next. To add one:
a function here, a row in SEARCH_ORDERS, a row in its test.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.loop import Predict, Refined, query_of
from fairseq_cmlm.decoding.tokens import Alternatives
from fairseq_cmlm.decoding.trace import BatchPass, Trace

SearchOrder = Callable[[Tensor], Tensor]


def easy_first(masked: Tensor) -> Tensor:
    """Allow any masked position, so that the surest token of all wins.

    >>> easy_first(torch.tensor([[False, True, True]])).tolist()
    [[False, True, True]]
    """
    return masked


def left_to_right(masked: Tensor) -> Tensor:
    """Allow only the leftmost masked position.

    >>> left_to_right(torch.tensor([[False, True, True]])).tolist()
    [[False, True, False]]
    """
    return masked & (masked.cumsum(1) == 1)


SEARCH_ORDERS: dict[str, SearchOrder] = {"easy_first": easy_first, "left_to_right": left_to_right}


class Fillings(NamedTuple):
    """C ways to fill one token of a hypothesis of each of n rows, best first; all (n, C).

    score  the hypothesis' score plus the token's log-probability; -inf where there are fewer ways
    """

    score: Tensor
    hypothesis: Tensor
    position: Tensor
    token: Tensor
    log_prob: Tensor


def search(
    predict: Predict, canvas: Canvas, order: SearchOrder, beam: int, mask: int, trace: Optional[Trace] = None
) -> Refined:
    """Fill the masked positions of each row of `canvas`, one per pass, keeping the `beam` best hypotheses of the row.

    Return the best hypothesis of each row. The hypotheses of a row are all different; if there are fewer than `beam`,
    the others have the score -inf. A row takes as many passes as it has masked tokens. The trace shows how the best
    hypothesis grew.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> from fairseq_cmlm.decoding.tokens import Prediction
    >>> def always_7(query):
    ...     return Prediction(torch.full_like(query.positions, 7), -query.positions.float())
    >>> found = search(always_7, fully_masked(torch.tensor([3]), pad=1), easy_first, beam=1, mask=9)
    >>> found.tokens.tolist(), found.passes.tolist()
    ([[7, 7, 7]], [3])
    """
    rows = len(canvas.tokens)
    passes = canvas.masked.sum(1).cpu()
    beams = canvas.rows(torch.arange(rows, device=canvas.tokens.device).repeat_interleave(beam))
    score = torch.full((rows, beam), float("-inf"), device=canvas.tokens.device)
    score[:, 0] = 0
    best = torch.arange(rows, device=score.device) * beam
    steps: list[_Step] = []
    number = int(beams.real.sum())
    for _ in range(int(passes.max())):
        before = beams
        beams, score, parents = _accept(beams, score, _fillings(predict, beams, score, order, mask, number))
        if trace is not None:
            steps.append(_Step(before, beams, parents))
    if trace is not None:
        for made in _traced(steps, best, passes, mask):
            trace.add(made)
    found = beams.rows(best)
    return Refined(found.tokens, found.log_probs, passes)


class _Step(NamedTuple):
    """One pass over all hypotheses: the canvases before and after it, and the parents (n * beam,) of the hypotheses."""

    before: Canvas
    after: Canvas
    parents: Tensor


def _traced(steps: Sequence[_Step], best: Tensor, passes: Tensor, mask: int) -> list[BatchPass]:
    """Follow the hypotheses `best` (n,) back through the steps, and record each of their passes."""
    found: list[BatchPass] = []
    for done, step in reversed(list(enumerate(steps))):
        unfinished = (passes > done).nonzero().squeeze(1)
        after = step.after.rows(best[unfinished])
        best = step.parents[best]
        found.append(_traced_pass(step.before.rows(best[unfinished]), after, unfinished, mask))
    return found[::-1]


def _traced_pass(before: Canvas, after: Canvas, rows: Tensor, mask: int) -> BatchPass:
    """Record one hypothesis of each row before and after a pass; unfilled positions have no probability yet."""
    return BatchPass(
        rows=rows.cpu(),
        read=before.visible(mask),
        asked=before.masked,
        tokens=after.visible(mask),
        log_probs=after.log_probs.masked_fill(after.masked, float("-inf")),
        sureness=after.log_probs.masked_fill(after.masked, float("-inf")),
        chosen=torch.zeros_like(after.masked),
        kept_by={},
        remasked=after.masked,
        fillable=after.fillable,
        given_up=torch.zeros_like(after.masked[:, 0]),
        real=after.real,
    )


def _fillings(predict: Predict, beams: Canvas, score: Tensor, order: SearchOrder, mask: int, number: int) -> Fillings:
    """Find the beam * (beam + 1) / 2 best fillings of each row, enough to have `beam` different ones among them.

    number  number of real positions
    """
    rows, beam = score.shape
    width = beams.tokens.size(1)
    size = beam * (beam + 1) // 2
    places = order(beams.masked)
    query = query_of(beams, places, places.sum(1).cpu(), number, mask, rows=None, size=size)
    prediction = predict(query)
    only = Alternatives(prediction.tokens[:, None], prediction.log_probs[:, None])
    tokens, log_probs = prediction.alternatives or only
    # Scatter back to (n, beam * T * size); positions that may not be filled get -inf.
    shape = (places.numel(), tokens.size(1))
    all_log_probs = log_probs.new_full(shape, float("-inf")).index_copy(0, query.positions, log_probs)
    all_tokens = tokens.new_zeros(shape).index_copy(0, query.positions, tokens)
    per_hypothesis = width * tokens.size(1)
    total = (all_log_probs.view(rows, beam, per_hypothesis) + score[:, :, None]).flatten(1)
    best = total.topk(min(size, total.size(1)), dim=1)
    return Fillings(
        score=best.values,
        hypothesis=best.indices // per_hypothesis,
        position=best.indices % per_hypothesis // tokens.size(1),
        token=all_tokens.view(rows, -1).gather(1, best.indices),
        log_prob=all_log_probs.view(rows, -1).gather(1, best.indices),
    )


def _accept(beams: Canvas, score: Tensor, found: Fillings) -> tuple[Canvas, Tensor, Tensor]:
    """Take the `beam` best different fillings of each row; a row without fillings stays as it is.

    Return the hypotheses, their scores (n, beam), and the index in `beams` (n * beam,) of the parent of each.
    """
    rows, beam = score.shape
    number = found.score.size(1)
    parents = torch.arange(rows, device=score.device)[:, None] * beam + found.hypothesis
    filled = beams.rows(parents.flatten())
    places = torch.arange(rows * number, device=score.device) * beams.tokens.size(1) + found.position.flatten()
    filled = filled.written(places, found.token.flatten(), found.log_prob.flatten())
    masked = filled.masked.flatten().index_fill(0, places, False).view_as(filled.masked)

    chosen = _first_different(filled.tokens.view(rows, number, -1), masked.view(rows, number, -1), beam)
    finished = found.score[:, :1] == float("-inf")
    kept = torch.arange(rows * beam, device=score.device).view(rows, beam)
    new = rows * beam + torch.arange(rows, device=score.device)[:, None] * number + chosen.clamp(max=number - 1)
    pick = torch.where(finished, kept, new).flatten()
    new_score = found.score.gather(1, chosen.clamp(max=number - 1)).masked_fill(chosen == number, float("-inf"))
    came_from = torch.cat([kept.flatten(), parents.flatten()])[pick]
    return beams.joined(filled.remasked(masked)).rows(pick), torch.where(finished, score, new_score), came_from


def _first_different(tokens: Tensor, masked: Tensor, beam: int) -> Tensor:
    """Return the indices (n, beam) of the first fillings that differ from all before them, filled up with C.

    tokens, masked  (n, C, T)
    """
    seen = tokens.masked_fill(masked, -1)
    equal = (seen[:, :, None] == seen[:, None]).all(3)
    number = tokens.size(1)
    repeats = equal.tril(-1).any(2)
    order = torch.arange(number, device=tokens.device).expand(repeats.shape).masked_fill(repeats, number)
    order = torch.nn.functional.pad(order.sort(dim=1).values, (0, beam), value=number)
    return order[:, :beam]
