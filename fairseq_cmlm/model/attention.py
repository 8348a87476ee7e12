"""Multi-head attention on torch's scaled_dot_product_attention."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairseq_cmlm.model import reduced_training
from fairseq_cmlm.model.dropout import Dropout
from fairseq_cmlm.model.packing import Packing
from fairseq_cmlm.model.projection import Projection


class Memory(NamedTuple):
    """What can be attended to: keys and values, both (B, heads, L, d), and where they are real, (B, 1, 1, L) bool.

    That of the source is computed once for a sentence and read by all its candidates in all passes.
    """

    key: Tensor
    value: Tensor
    attend: Tensor

    def of(self, rows: Tensor) -> Memory:
        """The memory of the `rows` (n,)."""
        return Memory(self.key[rows], self.value[rows], self.attend[rows])


class Attention(nn.Module):
    """Positions attend to a memory: that of their own row (self-attention), or that of the source."""

    def __init__(self, features: int, memory_features: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = Dropout(dropout)
        self.query = Projection(features, features)
        self.key_value = Projection(memory_features, 2 * features)
        self.output = Projection(features, features)

    def memory(self, states: Tensor, packing: Packing, attend: Tensor) -> Memory:
        """The memory of `states` (R, memory features), packed from (B, L); attend (B, 1, 1, L) bool."""
        key, value = packing.pad(self.key_value(states)).chunk(2, dim=2)
        return Memory(self._split_heads(key), self._split_heads(value), attend)

    def forward(self, x: Tensor, packing: Packing, memory: Memory) -> Tensor:
        """X (R, D), packed from (B * K, T), sentence-major, over a memory of B rows -> (R, D)

        The K candidates of a sentence become K * T queries, so that its keys and values are never repeated.
        """
        x = packing.pad(self.query(x)).view(memory.key.size(0), -1, x.size(1))
        query, key, value = self._split_heads(x), memory.key, memory.value
        with torch.autocast(x.device.type, enabled=False):
            if x.is_cpu and self.training and x.dtype != torch.float32:
                mixed = reduced_training.attention(query, key, value, memory.attend, self.dropout)
            else:
                dropout = self.dropout.probability if self.training else 0.0
                mixed = functional.scaled_dot_product_attention(
                    query, key, value, attn_mask=memory.attend, dropout_p=dropout
                )
        merged = mixed.transpose(1, 2).reshape(packing.rows, packing.columns, -1)
        output: Tensor = self.output(packing.pack(merged))
        return output

    def weights(self, x: Tensor, packing: Packing, memory: Memory) -> Tensor:
        """Compute how much x (R, D), packed from (N, T), attends to each place of a memory of N rows, as (N, T, L).

        The mean over the heads, float32; a place's weights sum to 1. `forward` never computes them: its kernel keeps no
        weights.
        """
        query = self._split_heads(packing.pad(self.query(x)))
        scores = (query @ memory.key.transpose(2, 3)).float() / query.size(3) ** 0.5
        return scores.masked_fill(~memory.attend, float("-inf")).softmax(dim=3).mean(dim=1)

    def _split_heads(self, x: Tensor) -> Tensor:
        """(B, L, D) -> (B, heads, L, D / heads)"""
        return x.view(x.size(0), x.size(1), self.heads, -1).transpose(1, 2)


def attend_mask(real: Tensor) -> Tensor:
    """Real (B, L) bool -> (B, 1, 1, L), the shape in which attention broadcasts it over heads and queries."""
    return real[:, None, None, :]
