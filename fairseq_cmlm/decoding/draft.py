"""Drafts: a target in the making, from which decoding goes on, as it was left or as the user has changed it."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.lengths import LengthCandidates
from fairseq_cmlm.decoding.template import Start
from fairseq_cmlm.decoding.tokens import ANY_WORD, END


class Draft(NamedTuple):
    """A target of n tokens, `</s>` included, after some passes.

    tokens     ids; anything at masked positions
    log_probs  of the tokens, natural log, each in the pass that predicted it
    masked     what the next pass predicts; none of it is fixed
    fixed      what is never changed
    done       the passes made so far
    """

    tokens: Sequence[int]
    log_probs: Sequence[float]
    masked: Sequence[bool]
    fixed: Sequence[bool]
    done: int


def start_of_draft(draft: Draft, log_probs: Tensor) -> Start:
    """Return the start for the one sentence of a draft, with a single candidate.

    log_probs  (1, L) natural log of the probability of each length

    >>> draft = Draft([5, 6, 2], [-1.0, -2.0, 0.0], [False, True, False], [True, False, False], done=3)
    >>> start_of_draft(draft, torch.zeros(1, 9)).canvas.visible(mask=9).tolist()
    [[5, 9, 2]]
    """
    device, number = log_probs.device, len(draft.tokens)
    fillable = ~torch.tensor([draft.fixed], device=device)
    sets = torch.tensor([[ANY_WORD] * (number - 1) + [END]], device=device)
    canvas = Canvas(
        tokens=torch.tensor([draft.tokens], device=device),
        log_probs=torch.tensor([draft.log_probs], device=device).masked_fill(~fillable, 0.0),
        masked=torch.tensor([draft.masked], device=device) & fillable,
        fillable=fillable,
        real=torch.ones_like(fillable),
        sets=sets,
    )
    return Start(canvas, LengthCandidates(fillable.sum(1, keepdim=True), log_probs[:, [number]]))
