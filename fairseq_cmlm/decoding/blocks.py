"""Blocks: decode a long text from left to right, block by block of positions (semi-autoregressive decoding)."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Optional

import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.loop import Predict, Refined, refine
from fairseq_cmlm.decoding.plan import Plan
from fairseq_cmlm.decoding.trace import BatchPass, Trace


def refine_in_blocks(
    predict: Predict,
    canvas: Canvas,
    plan_of: Callable[[Canvas], Plan],
    size: int,
    mask: int,
    trace: Optional[Trace] = None,
) -> Refined:
    """Refine `canvas` block by block, each of `size` positions; what an earlier block has filled is given to the later.

    plan_of  the plan for a canvas of which only one block can be filled

    Masks of the later blocks are read too, so that their length is known (LLaDA, arXiv 2502.09992). What stands in
    `canvas` stays until its block has its turn. The passes of a row are those of all its blocks together.

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> from fairseq_cmlm.decoding.strategy import STRATEGIES
    >>> from fairseq_cmlm.decoding.tokens import Prediction
    >>> def masks(query):
    ...     return Prediction(query.visible.eq(9).sum(1).expand_as(query.positions), -query.positions.float())
    >>> def plan_of(block):
    ...     return Plan(STRATEGIES["mask_predict"], total=torch.ones(1, dtype=torch.long))
    >>> refine_in_blocks(masks, fully_masked(torch.tensor([5]), pad=1), plan_of, 2, mask=9).tokens.tolist()
    [[5, 5, 3, 3, 1]]
    """
    whole = canvas
    canvas = replace(canvas, tokens=canvas.visible(mask))
    passes = torch.zeros(len(canvas.tokens), dtype=torch.long)
    columns = torch.arange(canvas.tokens.size(1), device=canvas.tokens.device)
    for start in range(0, len(columns), size):
        here = whole.fillable & (columns >= start) & (columns < start + size)
        block = replace(canvas, masked=whole.masked & here, fillable=here)
        own = None if trace is None else _trace_of(trace, whole, columns >= start + size)
        found = refine(predict, block, plan_of(block), mask, own)
        canvas, passes = replace(canvas, tokens=found.tokens, log_probs=found.log_probs), passes + found.passes
    return Refined(canvas.tokens, canvas.log_probs, passes)


def _trace_of(trace: Trace, whole: Canvas, behind: Tensor) -> Trace:
    """Return a trace for a block, which hands on each pass as one over the whole; `behind` (T,): after the block."""
    later = whole.masked & behind
    return Trace(trace.alternatives, watch=lambda made: trace.add(_traced(made, whole.fillable, later)))


def _traced(made: BatchPass, fillable: Tensor, later: Tensor) -> BatchPass:
    """Return the pass over all fillable positions, with the later blocks, `later` (N, T), masked."""
    rows = made.rows.to(later.device)
    return replace(
        made,
        log_probs=made.log_probs.masked_fill(later[rows], float("-inf")),
        sureness=made.sureness.masked_fill(later[rows], float("-inf")),
        remasked=made.remasked | later[rows],
        fillable=fillable[rows],
    )
