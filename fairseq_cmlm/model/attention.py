"""Multi-head attention on torch's scaled_dot_product_attention."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairseq_cmlm.model.packing import Packing


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
        self.dropout = dropout
        self.query = nn.Linear(features, features)
        self.key_value = nn.Linear(memory_features, 2 * features)
        self.output = nn.Linear(features, features)

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
        if x.is_cpu and self.training:
            # The backward pass in bfloat16 takes ten times as long there.
            query, key, value = query.float(), key.float(), value.float()
        dropout = self.dropout if self.training else 0.0
        with torch.autocast(x.device.type, enabled=False):
            mixed = functional.scaled_dot_product_attention(
                query, key, value, attn_mask=memory.attend, dropout_p=dropout
            )
        merged = mixed.type_as(x).transpose(1, 2).reshape(packing.rows, packing.columns, -1)
        output: Tensor = self.output(packing.pack(merged))
        return output

    def _split_heads(self, x: Tensor) -> Tensor:
        """(B, L, D) -> (B, heads, L, D / heads)"""
        return x.view(x.size(0), x.size(1), self.heads, -1).transpose(1, 2)


def attend_mask(real: Tensor) -> Tensor:
    """Real (B, L) bool -> (B, 1, 1, L), the shape in which attention broadcasts it over heads and queries."""
    return real[:, None, None, :]
