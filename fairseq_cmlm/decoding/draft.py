"""The start of a decoding that goes on from a draft."""

from __future__ import annotations

import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.lengths import LEAST
from fairseq_cmlm.decoding.template import Start
from fairseq_cmlm.decoding.tokens import ANY_WORD, END
from fairseq_cmlm.draft import Draft


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
    # The length is given, so that no other is chosen for being possible.
    return Start(canvas, log_probs[:, [number]].clamp(min=LEAST))
