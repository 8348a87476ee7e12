"""Stopping rules, which end the passes of a row or a token before the mask schedule does.

A rule looks at a pass and says which positions may be masked again; a row without masks is finished. The paper has no
such rules. To add one: a function here, an option in options.py, a row in its test. Giving up length candidates is not
a stopping rule but a comparison between rows (candidates.py).
"""

from __future__ import annotations

import math
from typing import Callable, NamedTuple

import torch
from torch import Tensor

from fairseq_cmlm.decoding.strategy import Pass


class StoppingRule(NamedTuple):
    """A rule, and the reason that the trace gives for a token that it keeps.

    may_remask  Pass -> (n, T) bool, the positions that may be masked again; (n, 1) where it speaks of rows
    entropy     whether it reads `Pass.entropy`
    rows        whether it speaks of rows: one that may not be masked again is finished, though its strategy would read
                it once more
    """

    reason: str
    may_remask: Callable[[Pass], Tensor]
    entropy: bool = False
    rows: bool = False


def while_changing(passes: int) -> StoppingRule:
    """Stop remasking a row once its predictions have been identical for `passes` consecutive passes.

    Predictions under masks are compared too, because masks may move while the text stays the same. One pass is usually
    too few: the first passes reveal so few tokens that the others do not change.

    >>> while_changing(2).reason
    'unchanged'
    """
    return StoppingRule("unchanged", lambda made: made.unchanged < passes, rows=True)


def below_threshold(probability: float) -> StoppingRule:
    """Remask only tokens whose probability, in the pass that predicted them, was below `probability`.

    The schedule's count becomes an upper bound. (Kreutzer, Foster and Cherry 2020 also use a threshold, but never mask
    again.)

    >>> below_threshold(0.9).reason
    'sure'
    """
    return StoppingRule("sure", lambda made: made.after.log_probs < math.log(probability))


def within_entropy(bound: float, floor: float) -> StoppingRule:
    """Keep the tokens whose joint uncertainty is bounded: the entropy bound sampler (arXiv 2505.24857).

    Of the tokens that a pass has predicted, keep the j with the lowest entropies, for the largest j with (their sum) -
    (their maximum) <= `bound` nats, and at least one. Entropies below `floor` nats, the effect of label smoothing
    alone, count as 0.

    >>> within_entropy(0.5, 0.0).reason
    'certain'
    """

    def may_remask(made: Pass) -> Tensor:
        entropy = _above(made, floor).masked_fill(~made.before.masked, math.inf)
        values, order = entropy.sort(dim=1, stable=True)
        lower = torch.nn.functional.pad(values.cumsum(1), (1, -1))  # sum of the entropies of all surer tokens
        kept = torch.zeros_like(made.before.masked).scatter(1, order, lower <= bound)
        return ~(kept & made.before.masked)

    return StoppingRule("certain", may_remask, entropy=True)


def while_changing_or_unsure(passes: int, entropy: float, floor: float) -> StoppingRule:
    """Stop remasking as `while_changing` does, but only if the mean entropy of a pass is also below `entropy` nats.

    floor  as in `within_entropy`

    >>> while_changing_or_unsure(1, 0.1, 0.0).reason
    'unchanged'
    """

    def may_remask(made: Pass) -> Tensor:
        read = made.predicted
        mean = (_above(made, floor) * read).sum(1, keepdim=True) / read.sum(1, keepdim=True).clamp(min=1)
        return (made.unchanged < passes) | (mean >= entropy)

    return StoppingRule("unchanged", may_remask, entropy=True, rows=True)


def _above(made: Pass, floor: float) -> Tensor:
    assert made.entropy is not None
    return (made.entropy - floor).clamp(min=0.0)
