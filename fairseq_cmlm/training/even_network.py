"""A network without parameters, to try an objective without a model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Callable

import torch
from torch import Tensor


class EvenNetwork:
    """A network that gives all `words` tokens and all `lengths` lengths the same probability.

    >>> EvenNetwork(words=10).logits(None, torch.tensor([[9, 9]]), torch.tensor([0, 1])).shape
    torch.Size([2, 10])
    """

    heads: dict[str, Callable[[Tensor], Tensor]] = {"quality": lambda states: states * 0}

    def __init__(self, words: int, lengths: int = 20) -> None:
        self._words, self._lengths = words, lengths

    def encode(self, source: Tensor) -> Any:
        """Encode the source (B, S); only the number of sentences matters."""
        logits = torch.zeros(len(source), self._lengths, requires_grad=True)
        return SimpleNamespace(encoded=SimpleNamespace(length_logits=logits))

    def states(self, encoding: Any, canvas: Tensor, positions: Tensor) -> Tensor:
        """Return zeros (M, 1) for the flat `positions` (M,)."""
        return torch.zeros(len(positions), 1, requires_grad=True)

    def project(self, states: Tensor) -> Tensor:
        """Return zeros (M, V) for the states (M, 1)."""
        return states.expand(-1, self._words) * 1

    def logits(self, encoding: Any, canvas: Tensor, positions: Tensor) -> Tensor:
        """Return zeros (M, V) for the flat `positions` (M,)."""
        return self.project(self.states(encoding, canvas, positions))

    def causal_logits(self, encoding: Any, tokens: Tensor, positions: Tensor) -> Tensor:
        """Return zeros (M, V) for the flat `positions` (M,)."""
        return self.logits(encoding, tokens, positions)
