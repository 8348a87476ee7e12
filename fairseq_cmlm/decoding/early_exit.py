"""Early exit: what ends the passes of a row, or of a token, before the mask schedule does.

An exit looks at a pass and says which positions may be masked again, (n, T) or (n, 1) bool; a row of which none is
masked is finished. Neither is in the paper. To add one: a function here, an option in decoding_options.py, a row in
its test. Candidates that fall behind are no exit but a contest between the rows of a sentence: their row is given up.
"""

from __future__ import annotations

import math
from typing import Callable, NamedTuple

import torch
from torch import Tensor

from fairseq_cmlm.decoding.candidate_score import best_first
from fairseq_cmlm.decoding.strategy import Pass

Exit = Callable[[Pass], Tensor]


def until_unchanged(passes: int) -> Exit:
    """No row whose tokens stood unchanged for so many passes in succession.

    Predictions are compared, the hidden ones under the masks too: masks may move while the text stands still. One pass
    is little, as the first passes reveal so few tokens that the others do not change.
    """
    return lambda last: last.stood < passes


def below(probability: float) -> Exit:
    """Only tokens whose probability, in the pass that predicted them, was below `probability`.

    The schedule's count is an upper bound then (Kreutzer, Foster and Cherry 2020 fill by a threshold, without masking
    again).
    """
    return lambda last: last.after.confidence < math.log(probability)


class Contest(NamedTuple):
    """The length candidates of a sentence are halved, rounding up, after every `every` passes.

    bonus  (B, K), added to the candidates' scores; -inf for those that are the first to be given up
    """

    bonus: Tensor
    every: int

    def places(self, done: int) -> int:
        """How many candidates are still in after `done` passes."""
        return -(-self.bonus.size(1) // 2 ** (done // self.every))

    def behind(self, scores: Tensor, done: int) -> Tensor:
        """The rows (N,) bool that are given up after `done` passes; scores (N,), N = B * K sentence-major."""
        ranked = best_first(scores.view_as(self.bonus) + self.bonus)
        places = torch.arange(ranked.size(1), device=scores.device).expand_as(ranked)
        return torch.empty_like(ranked).scatter(1, ranked, places).flatten() >= self.places(done)
