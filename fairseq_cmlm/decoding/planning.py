"""Planners: after a pass, how likely is each token? The least likely are masked again.

The probability from the pass that predicted a token is stale, because the words around it have changed since. A planner
reads the filled canvas afresh; strategies, stopping rules and the trace see its log-probabilities instead. In path
planning (Peng et al. 2025, arXiv 2502.03540) it judges what stands alone, here what was just written, too. To add one:
a function here, a row in PLANNERS, a row in its test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, NamedTuple, Optional

import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import Canvas

_GROUPS = 2  # groups of tokens that are hidden in turn


class Rows(NamedTuple):
    """n rows with a token at every place.

    canvas   (n, T); its masks do not count
    lengths  (n,) int64 on the host, number of fillable positions of each row
    number   number of real positions
    which    (n,) int64, indices of the rows among the N = B * K; None for all
    """

    canvas: Canvas
    lengths: Tensor
    number: int
    which: Optional[Tensor]

    @classmethod
    def of(cls, canvas: Canvas, which: Optional[Tensor]) -> Rows:
        """Return the rows `which` of all N. Waits for the device."""
        canvas = canvas if which is None else canvas.rows(which)
        return cls(canvas, canvas.fillable.sum(1).cpu(), int(canvas.real.sum()), which)


@dataclass(frozen=True)
class Filled:
    """n rows with a token at every place, and functions that read them.

    canvas         (n, T); its masks do not count
    lengths        (n,) int64 on the host, number of fillable positions of each row
    hidden         (hide (n, T) bool, number hidden in each row (n,) on the host) -> (n, T) float32: log-probability of
                   each hidden token given all tokens that are not hidden, natural log; 0 elsewhere
    left_to_right  () -> (n, T) float32: log-probability of each token given those to its left, under an autoregressive
                   model; 0 at padding
    quality        () -> (n, T) float32: natural log of the probability that each token is right, by the model's quality
                   head; 0 where nothing is fillable
    """

    canvas: Canvas
    lengths: Tensor
    hidden: Callable[[Tensor, Tensor], Tensor]
    left_to_right: Callable[[], Tensor]
    quality: Callable[[], Tensor]


# Filled -> log-probabilities (n, T) float32, natural log
Planner = Callable[[Filled], Tensor]


def confidence(filled: Filled) -> Tensor:
    """Return the log-probability of each token in the pass that predicted it, as the paper has it.

    >>> from types import SimpleNamespace as Given
    >>> confidence(Given(canvas=Given(log_probs=torch.tensor([[-1.0, -3.0]])))).tolist()
    [[-1.0, -3.0]]
    """
    return filled.canvas.log_probs


def pseudo_likelihood(filled: Filled) -> Tensor:
    """Return the model's log-probability of each token given all others of its row: two more passes of the model.

    Two interleaved groups of tokens are hidden in turn (Salazar et al., ACL 2020, hide one token at a time).

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas, nobody = fully_masked(torch.tensor([3]), pad=1), lambda: torch.zeros(1, 3)
    >>> filled = Filled(canvas, torch.tensor([3]), lambda hide, counts: -hide.float() * counts, nobody, nobody)
    >>> pseudo_likelihood(filled).tolist()
    [[-2.0, -1.0, -2.0]]
    """
    fillable, lengths = filled.canvas.fillable, filled.lengths
    group = (fillable.cumsum(1) - 1) % _GROUPS
    parts = [filled.hidden(fillable & (group == g), (lengths + _GROUPS - 1 - g) // _GROUPS) for g in range(_GROUPS)]
    return torch.stack(parts).sum(0)


def autoregressive(filled: Filled) -> Tensor:
    """Return the log-probability of each token given those to its left: one pass of the model of --plan-with.

    >>> from types import SimpleNamespace as Given
    >>> autoregressive(Given(left_to_right=lambda: torch.tensor([[-1.0, -3.0]]))).tolist()
    [[-1.0, -3.0]]
    """
    return filled.left_to_right()


def quality(filled: Filled) -> Tensor:
    """Return the log-probability that each token is right, by the head of `--objective prism`: one more pass.

    >>> from types import SimpleNamespace as Given
    >>> quality(Given(quality=lambda: torch.tensor([[-1.0, -3.0]]))).tolist()
    [[-1.0, -3.0]]
    """
    return filled.quality()


PLANNERS: dict[str, Planner] = {
    "confidence": confidence,
    "pseudo_likelihood": pseudo_likelihood,
    "autoregressive": autoregressive,
    "quality": quality,
}
