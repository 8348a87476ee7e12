"""Stopping rules: what ends the passes of a row, or of a token, before the mask schedule does.

A rule looks at a pass and says which positions may be masked again; a row of which none is masked is finished. None is
in the paper. To add one: a function here, an option in options.py, a row in its test. Giving up length candidates is no
stopping rule but a comparison between rows: candidates.py.
"""

from __future__ import annotations

import math
from typing import Callable, NamedTuple

from torch import Tensor

from fairseq_cmlm.decoding.strategy import Pass


class StoppingRule(NamedTuple):
    """A rule and the reason that the trace gives where it keeps a token.

    may_remask  Pass -> (n, T) or (n, 1) bool, the positions that may be masked again
    """

    reason: str
    may_remask: Callable[[Pass], Tensor]


def while_changing(passes: int) -> StoppingRule:
    """Stop remasking a row once its predictions have been identical for `passes` consecutive passes.

    Predictions under the masks are compared too: masks may move while the text stands still. One pass is little, as the
    first passes reveal so few tokens that the others do not change.

    >>> while_changing(2).reason
    'unchanged'
    """
    return StoppingRule("unchanged", lambda made: made.unchanged < passes)


def below_threshold(probability: float) -> StoppingRule:
    """Remask only tokens whose probability, in the pass that predicted them, was below `probability`.

    The schedule's count becomes an upper bound (Kreutzer, Foster and Cherry 2020 fill by a threshold, without masking
    again).

    >>> below_threshold(0.9).reason
    'sure'
    """
    return StoppingRule("sure", lambda made: made.after.log_probs < math.log(probability))
