"""Orders: measures of how sure a token is; the least sure tokens are masked again.

To add one: a function here, a row in ORDERS, a row in its test.
"""

from __future__ import annotations

from typing import Callable, NamedTuple

from torch import Tensor

from fairseq_cmlm.decoding.tokens import Prediction


class Order(NamedTuple):
    """A way to rank predictions.

    sureness      predictions at M positions -> (M,) float32, higher is surer
    alternatives  number of best tokens that it reads
    entropy       whether it reads the entropy
    """

    sureness: Callable[[Prediction], Tensor]
    alternatives: int = 1
    entropy: bool = False


def probability(prediction: Prediction) -> Tensor:
    """Return the log-probability of the predicted token (paper, section 3.1).

    >>> import torch
    >>> probability(Prediction(torch.tensor([5]), torch.tensor([-0.5]))).tolist()
    [-0.5]
    """
    return prediction.log_probs


def margin(prediction: Prediction) -> Tensor:
    """Return p1 - p2, the margin of the best token over the second (Dream, arXiv 2508.15487).

    >>> import torch
    >>> from fairseq_cmlm.decoding.tokens import Alternatives
    >>> two = Alternatives(torch.tensor([[5, 6]]), torch.tensor([[0.75, 0.25]]).log())
    >>> margin(Prediction(torch.tensor([5]), torch.tensor([-0.3]), two)).tolist()
    [0.5]
    """
    assert prediction.alternatives is not None
    first, second = prediction.alternatives.log_probs[:, :2].exp().unbind(1)
    return first - second


def entropy(prediction: Prediction) -> Tensor:
    """Return minus the entropy of the distribution over all words, in nats (Dream, arXiv 2508.15487).

    >>> import torch
    >>> entropy(Prediction(torch.tensor([5]), torch.tensor([-0.5]), entropy=torch.tensor([0.25]))).tolist()
    [-0.25]
    """
    assert prediction.entropy is not None
    return -prediction.entropy


ORDERS: dict[str, Order] = {
    "probability": Order(probability),
    "margin": Order(margin, alternatives=2),
    "entropy": Order(entropy, entropy=True),
}
