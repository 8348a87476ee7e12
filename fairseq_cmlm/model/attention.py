"""Multi-head attention on torch's scaled_dot_product_attention."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional


def _split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, L, D) -> (B, heads, L, D / heads)"""
    return x.view(x.size(0), x.size(1), heads, -1).transpose(1, 2)


def _merge_heads(x: Tensor) -> Tensor:
    """(B, heads, L, d) -> (B, L, heads * d)"""
    return x.transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """Positions attend to every real position of their own row."""

    def __init__(self, features: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.query_key_value = nn.Linear(features, 3 * features)
        self.output = nn.Linear(features, features)

    def forward(self, x: Tensor, row: Tensor, attend: Tensor) -> Tensor:
        """What the positions `x` (B, Q, D) take from their `row` (B, L, D) -> (B, Q, D)

        x       row itself, or some of its positions
        attend  (B, 1, 1, L) bool, true at real positions of the row
        """
        if x is row:
            query, key, value = self.query_key_value(x).chunk(3, dim=2)
        else:
            weight, bias = self.query_key_value.weight, self.query_key_value.bias
            query = functional.linear(x, weight[: x.size(2)], bias[: x.size(2)])
            key, value = functional.linear(row, weight[x.size(2) :], bias[x.size(2) :]).chunk(2, dim=2)
        query, key, value = (_split_heads(part, self.heads) for part in (query, key, value))
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=attend, dropout_p=dropout)
        output: Tensor = self.output(_merge_heads(mixed))
        return output


class SourceMemory(NamedTuple):
    """Keys and values of the encoder's states for one decoder layer, both (B, heads, S, d), and where they are real.

    Computed once for a sentence and read by all its candidates in all passes. attend (B, 1, 1, S) bool.
    """

    key: Tensor
    value: Tensor
    attend: Tensor

    def of(self, sentences: Tensor) -> SourceMemory:
        """The memory of the sentences (n,), one for each row."""
        return SourceMemory(self.key[sentences], self.value[sentences], self.attend[sentences])


class SourceAttention(nn.Module):
    """Target positions attend to the source. The rows may be K candidates of each of B sentences."""

    def __init__(self, features: int, source_features: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(features, features)
        self.key_value = nn.Linear(source_features, 2 * features)
        self.output = nn.Linear(features, features)

    def memory(self, states: Tensor, attend: Tensor) -> SourceMemory:
        """States (B, S, source features), attend (B, 1, 1, S) bool"""
        key, value = (_split_heads(part, self.heads) for part in self.key_value(states).chunk(2, dim=2))
        return SourceMemory(key, value, attend)

    def forward(self, x: Tensor, memory: SourceMemory) -> Tensor:
        """X (B * K, T, D), sentence-major, over a memory of B sentences -> (B * K, T, D)

        The K candidates of a sentence become K * T queries, so that its keys and values are never repeated.
        """
        query = self.query(x).view(memory.key.size(0), -1, x.size(2))
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(
            _split_heads(query, self.heads), memory.key, memory.value, attn_mask=memory.attend, dropout_p=dropout
        )
        output: Tensor = self.output(_merge_heads(mixed).view_as(x))
        return output


def attend_mask(real: Tensor) -> Tensor:
    """Real (B, L) bool -> (B, 1, 1, L), the shape in which attention broadcasts it over heads and queries."""
    return real[:, None, None, :]
