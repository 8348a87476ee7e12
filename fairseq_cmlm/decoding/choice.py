"""Choosers: scores by which the finished candidates of a sentence are compared.

A chooser gives each candidate a score, higher is better; `--choose-by` names one, or a weighted sum of several. To add
one: a function here, a row in CHOOSERS, a row in its test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding import planning
from fairseq_cmlm.decoding.candidates import mean_log_probability
from fairseq_cmlm.decoding.chrf import agreement
from fairseq_cmlm.decoding.planning import Filled
from fairseq_cmlm.decoding.strategy import lowest
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.sentence_random import derived_keys, stratified_counts, uniform_numbers

_MASKINGS = 4  # maskings of each candidate, for `likelihood_bound`


@dataclass(frozen=True)
class Finished(Filled):
    """n finished candidates, those of a sentence side by side, and functions that judge them.

    bonus  (n,) float32, the length's part in the score
    keys   () -> (n,) int64, random keys that depend only on the source and the candidate's tokens
    texts  () -> the n texts, grouped by sentence
    """

    bonus: Tensor
    keys: Callable[[], Tensor]
    texts: Callable[[], Sequence[Sequence[str]]]


# Finished -> scores (n,) float32
Chooser = Callable[[Finished], Tensor]


def _mean(log_probs: Tensor, finished: Finished) -> Tensor:
    """Return the mean log-probability (n,) of the tokens of each candidate."""
    return mean_log_probability(log_probs, finished.canvas.fillable, finished.canvas.real)


def confidence(finished: Finished) -> Tensor:
    """Return the mean log-probability of the tokens, each in the pass that predicted it, plus the length's bonus.

    Without the bonus this is the paper's choice (section 3.3). It costs nothing.

    >>> from types import SimpleNamespace as Given
    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas = fully_masked(torch.tensor([2]), pad=1)
    >>> canvas = canvas.written(torch.arange(2), torch.tensor([5, 2]), torch.tensor([-1.0, -3.0]))
    >>> confidence(Given(canvas=canvas, bonus=torch.tensor([-0.5]))).tolist()
    [-2.5]
    """
    return _mean(planning.confidence(finished), finished) + finished.bonus


def pseudo_likelihood(finished: Finished) -> Tensor:
    """Return the mean log-probability of the tokens given all other finished ones, plus the bonus: two passes.

    >>> from types import SimpleNamespace as Given
    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas, length = fully_masked(torch.tensor([2]), pad=1), torch.tensor([2])
    >>> hidden = lambda hide, counts: hide * torch.tensor([[-1.0, -3.0]])
    >>> pseudo_likelihood(Given(canvas=canvas, lengths=length, hidden=hidden, bonus=torch.tensor([-0.5]))).tolist()
    [-2.5]
    """
    return _mean(planning.pseudo_likelihood(finished), finished) + finished.bonus


def likelihood_bound(finished: Finished) -> Tensor:
    """Return the likelihood bound of the candidate per token, plus the length's bonus: four passes.

    LLaDA (arXiv 2502.09992), equation 6: the mean over k of the mean log-probability of k hidden tokens, estimated by
    four stratified values of k.

    >>> from types import SimpleNamespace as Given
    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas, length = fully_masked(torch.tensor([2]), pad=1), torch.tensor([2])
    >>> hidden = lambda hide, counts: hide * torch.tensor([[-2.0, -2.0]])
    >>> one = Given(canvas=canvas, lengths=length, hidden=hidden, bonus=torch.zeros(1), keys=lambda: torch.tensor([7]))
    >>> likelihood_bound(one).tolist()
    [-2.0]
    """
    fillable, lengths = finished.canvas.fillable, finished.lengths
    keys = finished.keys()
    counts = stratified_counts(keys.cpu(), _MASKINGS, lengths.cpu())
    total = torch.zeros_like(finished.bonus)
    for number, count in enumerate(counts.T, 1):
        numbers = uniform_numbers(derived_keys(keys, number), fillable.size(1))
        hide = lowest(numbers, count[:, None].to(numbers.device), fillable)
        total = total + mean_log_probability(finished.hidden(hide, count), hide, hide) / _MASKINGS
    # Of the tokens to fill; those that are given are certain.
    share = fillable.sum(1) / finished.canvas.real.sum(1).clamp(min=1)
    return total * share + finished.bonus


def autoregressive(finished: Finished) -> Tensor:
    """Return the mean log-probability of all tokens given those to their left, under the model of --rescore-with.

    Noisy parallel decoding (Gu et al., ICLR 2018), at the cost of one pass of that model. `</s>` and words given by the
    user count. The score is that of fairseq-generate --score-reference.

    >>> from types import SimpleNamespace as Given
    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> canvas = fully_masked(torch.tensor([2]), pad=1)
    >>> autoregressive(Given(canvas=canvas, left_to_right=lambda: torch.tensor([[-1.0, -3.0]]))).tolist()
    [-2.0]
    """
    real = finished.canvas.real
    return mean_log_probability(planning.autoregressive(finished), real, real)


def consensus(finished: Finished) -> Tensor:
    """Return the mean chrF, 0 to 1, of each candidate against all candidates of its sentence, itself included.

    Minimum Bayes risk (Kumar and Byrne, NAACL 2004). It costs no pass, but K^2 text comparisons on the CPU.

    >>> from types import SimpleNamespace as Given
    >>> consensus(Given(texts=lambda: [["a dog", "a dog"], ["the cat"]], bonus=torch.zeros(3))).tolist()
    [1.0, 1.0, 1.0]
    """
    scores = [score for texts in finished.texts() for score in agreement(texts)]
    return torch.tensor(scores, dtype=torch.float32, device=finished.bonus.device)


CHOOSERS: dict[str, Chooser] = {
    "confidence": confidence,
    "pseudo_likelihood": pseudo_likelihood,
    "likelihood_bound": likelihood_bound,
    "autoregressive": autoregressive,
    "consensus": consensus,
}


def mixture(text: str) -> dict[str, float]:
    """Read a value of --choose-by: rows of CHOOSERS, each with its weight (default 1).

    >>> mixture("autoregressive+confidence:0.3")
    {'autoregressive': 1.0, 'confidence': 0.3}
    """
    found: dict[str, float] = {}
    for part in text.split("+"):
        name, colon, weight = part.partition(":")
        if name not in CHOOSERS or name in found:
            wrong = "is there twice" if name in found else f"is none of {', '.join(CHOOSERS)}"
            raise OptionError(f"--choose-by {text}: '{name}' {wrong}")
        found[name] = _weight(weight) if colon else 1.0
        if not 0 < found[name] < math.inf:
            raise OptionError(f"--choose-by {text}: the weight '{weight}' must be a number above 0, as in {name}:0.3")
    return found


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
