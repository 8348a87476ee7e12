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
    """Keys and values, both (B, heads, L, d), and which of them are real, (B, 1, 1, L) bool.

    The memory of a source is computed once and read by all candidates of the sentence in all passes.
    """

    key: Tensor
    value: Tensor
    attend: Tensor

    def of(self, rows: Tensor) -> Memory:
        """Return the memory of some `rows` (n,)."""
        return Memory(self.key[rows], self.value[rows], self.attend[rows])

    def followed_by(self, other: Memory) -> Memory:
        """Return the memory that holds the L positions of this one and then those of the other, of the same rows."""
        key, value = torch.cat((self.key, other.key), dim=2), torch.cat((self.value, other.value), dim=2)
        return Memory(key, value, torch.cat((self.attend, other.attend), dim=3))


class Attention(nn.Module):
    """Multi-head attention of positions to a memory: of their own row (self-attention) or of the source."""

    def __init__(self, features: int, memory_features: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = Dropout(dropout)
        self.query = Projection(features, features)
        self.key_value = Projection(memory_features, 2 * features)
        self.output = Projection(features, features)

    def memory(self, states: Tensor, packing: Packing, attend: Tensor) -> Memory:
        """Project `states` (R, memory features), packed from (B, L), to a memory; attend (B, 1, 1, L) bool."""
        key, value = packing.pad(self.key_value(states)).chunk(2, dim=2)
        return Memory(self._split_heads(key), self._split_heads(value), attend)

    def forward(self, x: Tensor, packing: Packing, memory: Memory) -> Tensor:
        """Let x (R, D), packed from (B * K, T), sentence-major, attend to a memory of B rows; return (R, D).

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
        """Compute the attention weights (N, T, L) of x (R, D), packed from (N, T), over a memory of N rows.

        The weights are float32, averaged over heads, and sum to 1 for each place. The kernel of `forward` keeps none.
        """
        query = self._split_heads(packing.pad(self.query(x)))
        scores = (query @ memory.key.transpose(2, 3)).float() / query.size(3) ** 0.5
        return scores.masked_fill(~memory.attend, float("-inf")).softmax(dim=3).mean(dim=1)

    def _split_heads(self, x: Tensor) -> Tensor:
        """Reshape (B, L, D) to (B, heads, L, D / heads)."""
        return x.view(x.size(0), x.size(1), self.heads, -1).transpose(1, 2)


def attend_mask(real: Tensor) -> Tensor:
    """Reshape real (B, L) bool to (B, 1, 1, L), which attention broadcasts over heads and queries."""
    return real[:, None, None, :]
