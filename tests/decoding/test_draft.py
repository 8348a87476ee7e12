"""Going on from a draft."""

from __future__ import annotations

import torch

from fairseq_cmlm.decoding.draft import start_of_draft
from fairseq_cmlm.decoding.tokens import ANY_WORD, END
from fairseq_cmlm.draft import Draft


def test_the_start_of_a_draft_is_the_draft() -> None:
    draft = Draft(
        [5, 6, 7, 2], [-1.0, -2.0, -3.0, -0.5], [False, True, True, False], [True, False, True, False], done=3
    )
    log_probs = torch.arange(9.0)[None].neg()
    canvas, found = start_of_draft(draft, log_probs)
    assert canvas.tokens.tolist() == [[5, 6, 7, 2]]
    # What is fixed is never masked, and counts for nothing in the score.
    assert canvas.masked.tolist() == [[False, True, False, False]]
    assert canvas.fillable.tolist() == [[False, True, False, True]]
    assert canvas.log_probs.tolist() == [[0.0, -2.0, 0.0, -0.5]]
    assert canvas.real.all() and canvas.sets.tolist() == [[ANY_WORD, ANY_WORD, ANY_WORD, END]]
    # The length model speaks of the whole.
    assert found.tolist() == [[-4.0]]
