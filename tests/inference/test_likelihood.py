"""The likelihood bound against all maskings of short targets."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
import torch
from test_decode import SYMBOLS, network

from fairseq_cmlm.inference.likelihood import likelihood_bound

SOURCE = torch.tensor([[5, 6, 2], [7, 2, 1]])
TARGET = torch.tensor([[8, 9, 4, 2], [10, 2, 1, 1]])


def exact(row: int) -> float:
    """E over k of N / k * E over the maskings of k tokens of their loss."""
    made, target = network(), TARGET[row][TARGET[row] != 1]
    encoding = made.encode(SOURCE[row : row + 1])
    total, length = 0.0, len(target)
    for k in range(1, length + 1):
        losses = []
        for places in combinations(range(length), k):
            canvas = target.clone()
            canvas[list(places)] = SYMBOLS.mask
            logits = made.logits(encoding, canvas[None], torch.tensor(places))
            losses.append(-float(logits.log_softmax(1).gather(1, target[list(places), None]).sum().detach()))
        total += length / k * sum(losses) / len(losses) / length
    return total


def test_the_estimate_is_the_mean_over_all_maskings() -> None:
    found = likelihood_bound(network(), SOURCE, TARGET, SYMBOLS.mask, samples=1500)
    assert found.size.tolist() == [4, 2]
    for row in range(2):
        assert float(found.tokens[row]) == pytest.approx(exact(row), rel=0.03)


def test_it_does_not_depend_on_the_batch_and_has_the_length() -> None:
    together = likelihood_bound(network(), SOURCE, TARGET, SYMBOLS.mask, samples=4)
    alone = likelihood_bound(network(), SOURCE[1:, :2], TARGET[1:, :2], SYMBOLS.mask, samples=4)
    assert together.tokens[1:].allclose(alone.tokens, rtol=1e-4)
    logits = network().encode(SOURCE).encoded.length_logits.clone()
    logits[:, 0] = -math.inf
    assert together.length.allclose(-logits.log_softmax(1)[[0, 1], [4, 2]], atol=1e-5)
