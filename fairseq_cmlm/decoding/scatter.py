"""Scattering of the values at M of the positions of n rows to their places among all (n, T)."""

from __future__ import annotations

from typing import Optional

from torch import Tensor

from fairseq_cmlm.decoding.tokens import Alternatives


def put(values: Tensor, positions: Tensor, found: Tensor) -> Tensor:
    """Return `values` (n, T) with `found` (M,) at the `positions` (M,) into the flattened (n * T).

    >>> import torch
    >>> put(torch.zeros(2, 2), torch.tensor([1, 2]), torch.tensor([5.0, 6.0])).tolist()
    [[0.0, 5.0], [6.0, 0.0]]
    """
    return values.flatten().index_copy(0, positions, found).view_as(values)


def scattered(alternatives: Optional[Alternatives], positions: Tensor, rows: Tensor) -> Optional[Alternatives]:
    """Return alternatives (M, k) at the `positions` (M,) of `rows` (n, T) as (n, T, k), elsewhere with -inf.

    >>> import torch
    >>> best = Alternatives(torch.tensor([[7]]), torch.tensor([[-1.0]]))
    >>> found = scattered(best, torch.tensor([1]), torch.zeros(1, 2))
    >>> found.tokens.tolist(), found.log_probs.tolist()
    ([[[0], [7]]], [[[-inf], [-1.0]]])
    """
    if alternatives is None:
        return None
    shape = (*rows.shape, alternatives.tokens.size(1))
    tokens = alternatives.tokens.new_zeros(shape).flatten(0, 1).index_copy(0, positions, alternatives.tokens)
    log_probs = alternatives.log_probs.new_full(shape, float("-inf")).flatten(0, 1)
    log_probs = log_probs.index_copy(0, positions, alternatives.log_probs)
    return Alternatives(tokens.view(shape), log_probs.view(shape))
