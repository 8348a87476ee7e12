"""Beam search over (position, token): one token is filled in a pass, the one that the search order picks.

easy_first fills the surest position, left_to_right the leftmost; both read the whole canvas. They are the comparison
strategies of the released code. A search order is a function masked (n, T) -> (n, T) bool, the positions that may be
filled next. To add one: a function here, a row in SEARCH_ORDERS, a row in its test.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional

import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.prediction import Prediction, Query
from fairseq_cmlm.decoding.refinement import Refined, Snapshot, query_of

SearchOrder = Callable[[Tensor], Tensor]
# (query, size) -> the `size` best tokens of each asked position with their log-probabilities, both (M, size)
PredictBest = Callable[[Query, int], Prediction]


def easy_first(masked: Tensor) -> Tensor:
    """Any masked position: the surest token of all wins."""
    return masked


def left_to_right(masked: Tensor) -> Tensor:
    """The leftmost masked position."""
    return masked & (masked.cumsum(1) == 1)


SEARCH_ORDERS: dict[str, SearchOrder] = {"easy_first": easy_first, "left_to_right": left_to_right}


class Candidates(NamedTuple):
    """C ways to fill one token of a hypothesis of each of n rows, best first; all (n, C).

    score is that of the hypothesis plus the token's log-probability; -inf is no candidate.
    """

    score: Tensor
    hypothesis: Tensor
    position: Tensor
    token: Tensor
    log_prob: Tensor


def search(
    predict: PredictBest,
    canvas: Canvas,
    order: SearchOrder,
    beam: int,
    mask: int,
    trace: Optional[list[Snapshot]] = None,
) -> Refined:
    """Fill the masked positions of each row of `canvas`, one a pass, keeping the `beam` best hypotheses of the row.

    Returns the best hypothesis of each row. The hypotheses of a row differ from each other; where there are fewer than
    `beam`, the rest has the score -inf. A row takes as many passes as it has masked tokens. The trace shows the best
    hypothesis before and after each pass; which one that is may change.
    """
    rows = len(canvas.tokens)
    passes = canvas.masked.sum(1).cpu()
    beams = canvas.rows(torch.arange(rows, device=canvas.tokens.device).repeat_interleave(beam))
    score = torch.full((rows, beam), float("-inf"), device=canvas.tokens.device)
    score[:, 0] = 0
    best = torch.arange(rows, device=score.device) * beam
    for done in range(int(passes.max())):
        before = beams.rows(best)
        found = _candidates(predict, beams, score, order, mask)
        beams, score = _accept(beams, score, found)
        if trace is not None:
            open_rows = (passes > done).nonzero().squeeze(1)
            after = beams.rows(best)
            trace.append(Snapshot(open_rows, before.visible(mask)[open_rows], after.visible(mask)[open_rows]))
    found_best = beams.rows(best)
    return Refined(found_best.tokens, found_best.confidence, passes)


def _candidates(predict: PredictBest, beams: Canvas, score: Tensor, order: SearchOrder, mask: int) -> Candidates:
    """The beam * (beam + 1) / 2 best candidates of each row: so many that `beam` different ones are among them."""
    rows, beam = score.shape
    width = beams.tokens.size(1)
    size = beam * (beam + 1) // 2
    places = order(beams.masked)
    query = query_of(beams, places, places.sum(1).cpu(), int(beams.real.sum()), mask, rows=None)
    tokens, log_probs = predict(query, size)
    # Scatter back to (n, beam * T * size), where what may not be filled is no candidate.
    shape = (places.numel(), tokens.size(1))
    all_log_probs = log_probs.new_full(shape, float("-inf")).index_copy(0, query.positions, log_probs)
    all_tokens = tokens.new_zeros(shape).index_copy(0, query.positions, tokens)
    per_hypothesis = width * tokens.size(1)
    total = (all_log_probs.view(rows, beam, per_hypothesis) + score[:, :, None]).flatten(1)
    best = total.topk(min(size, total.size(1)), dim=1)
    return Candidates(
        score=best.values,
        hypothesis=best.indices // per_hypothesis,
        position=best.indices % per_hypothesis // tokens.size(1),
        token=all_tokens.view(rows, -1).gather(1, best.indices),
        log_prob=all_log_probs.view(rows, -1).gather(1, best.indices),
    )


def _accept(beams: Canvas, score: Tensor, found: Candidates) -> tuple[Canvas, Tensor]:
    """The `beam` best candidates of each row that differ from each other; a row without candidates stays as it is."""
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
    return beams.joined(filled.remasked(masked)).rows(pick), torch.where(finished, score, new_score)


def _first_different(tokens: Tensor, masked: Tensor, beam: int) -> Tensor:
    """The numbers (n, beam) of the first candidates that equal none before them; C where there are not so many.

    tokens, masked  (n, C, T)
    """
    seen = tokens.masked_fill(masked, -1)
    equal = (seen[:, :, None] == seen[:, None]).all(3)
    number = tokens.size(1)
    repeats = equal.tril(-1).any(2)
    order = torch.arange(number, device=tokens.device).expand(repeats.shape).masked_fill(repeats, number)
    order = torch.nn.functional.pad(order.sort(dim=1).values, (0, beam), value=number)
    return order[:, :beam]
