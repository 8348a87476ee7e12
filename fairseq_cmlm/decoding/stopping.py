"""Stopping rules: what ends the passes of a row, or of a token, before the mask schedule does.

A rule looks at a pass and says which positions may be masked again; a row of which none is masked is finished. None is
in the paper. To add one: a function here, an option in options.py, a row in its test. Giving up length candidates is no
stopping rule but a comparison between rows: candidates.py.
"""

from __future__ import annotations

import math
from typing import Callable, NamedTuple

import torch
from torch import Tensor

from fairseq_cmlm.decoding.strategy import Pass


class StoppingRule(NamedTuple):
    """A rule and the reason that the trace gives where it keeps a token.

    may_remask  Pass -> (n, T) or (n, 1) bool, the positions that may be masked again
    entropy     it looks at `Pass.entropy`
    """

    reason: str
    may_remask: Callable[[Pass], Tensor]
    entropy: bool = False


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


def within_entropy(bound: float, floor: float) -> StoppingRule:
    """Keep the tokens whose joint uncertainty is bounded: the entropy bound sampler (arXiv 2505.24857).

    Of the tokens that a pass has predicted, the j with the lowest entropies are kept, j as large as it can be with
    (their sum) - (the largest of them) <= `bound` nats; always one. Less than `floor` nats counts as none: what label
    smoothing alone has put there.

    >>> within_entropy(0.5, 0.0).reason
    'certain'
    """

    def may_remask(made: Pass) -> Tensor:
        entropy = _above(made, floor).masked_fill(~made.before.masked, math.inf)
        values, order = entropy.sort(dim=1, stable=True)
        lower = torch.nn.functional.pad(values.cumsum(1), (1, -1))  # what the surer ones add up to
        kept = torch.zeros_like(made.before.masked).scatter(1, order, lower <= bound)
        return ~(kept & made.before.masked)

    return StoppingRule("certain", may_remask, entropy=True)


def while_changing_or_unsure(passes: int, entropy: float, floor: float) -> StoppingRule:
    """As `while_changing`, but only once the mean entropy of what a pass predicts is below `entropy` nats as well.

    floor  as in `within_entropy`

    >>> while_changing_or_unsure(1, 0.1, 0.0).reason
    'unchanged'
    """

    def may_remask(made: Pass) -> Tensor:
        masked = made.before.masked
        mean = (_above(made, floor) * masked).sum(1, keepdim=True) / masked.sum(1, keepdim=True).clamp(min=1)
        return (made.unchanged < passes) | (mean >= entropy)

    return StoppingRule("unchanged", may_remask, entropy=True)


def _above(made: Pass, floor: float) -> Tensor:
    assert made.entropy is not None
    return (made.entropy - floor).clamp(min=0.0)
