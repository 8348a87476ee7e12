"""Transformer layers of the encoder and of the bidirectional decoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairseq_cmlm.model.attention import Attention, Memory
from fairseq_cmlm.model.dropout import Dropout
from fairseq_cmlm.model.layer_norm import LayerNorm
from fairseq_cmlm.model.packing import Packing
from fairseq_cmlm.model.projection import Projection

LAYER_NORM_EPS = 1e-12  # BERT's, and the released models'


@dataclass(frozen=True)
class LayerSize:
    """The shape of a layer and its dropout probabilities."""

    features: int
    ffn_features: int
    heads: int
    pre_norm: bool
    dropout: float
    attention_dropout: float
    activation_dropout: float


class Sublayer(nn.Module):
    """Residual connection, dropout and layer normalisation around attention or feed-forward."""

    def __init__(self, size: LayerSize) -> None:
        super().__init__()
        self.norm = LayerNorm(size.features, eps=LAYER_NORM_EPS)
        self.pre_norm = size.pre_norm
        self.dropout = Dropout(size.dropout)

    def read(self, x: Tensor) -> Tensor:
        """Return x (..., D) as the attention or feed-forward inside reads it: normalised first in pre-norm layers."""
        y: Tensor = self.norm(x) if self.pre_norm else x
        return y

    def forward(self, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply the sublayer to x (..., D); `function` is attention or feed-forward and keeps the shape."""
        y: Tensor = self.dropout(function(self.read(x)))
        return x + y if self.pre_norm else self.norm(x + y)


class FeedForward(nn.Module):
    """Linear, exact GELU, Linear."""

    def __init__(self, size: LayerSize) -> None:
        super().__init__()
        self.expand = Projection(size.features, size.ffn_features)
        self.dropout = Dropout(size.activation_dropout)
        self.contract = Projection(size.ffn_features, size.features)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the two layers to x (..., D); the shape stays."""
        y: Tensor = self.contract(self.dropout(functional.gelu(self.expand(x))))
        return y


class EncoderLayer(nn.Module):
    """An encoder layer: self-attention and feed-forward."""

    def __init__(self, size: LayerSize) -> None:
        super().__init__()
        self.self_attention = Attention(size.features, size.features, size.heads, size.attention_dropout)
        self.around_self_attention = Sublayer(size)
        self.ffn = FeedForward(size)
        self.around_ffn = Sublayer(size)

    def forward(self, x: Tensor, packing: Packing, attend: Tensor) -> Tensor:
        """Apply the layer to x (R, D), packed from (B, S); attend (B, 1, 1, S) bool; return (R, D)."""
        attention = self.self_attention
        x = self.around_self_attention(x, lambda y: attention(y, packing, attention.memory(y, packing, attend)))
        x = self.around_ffn(x, self.ffn)
        return x


class DecoderLayer(nn.Module):
    """A decoder layer: self-attention without a causal mask, attention to the source, and feed-forward."""

    def __init__(self, size: LayerSize, source_features: int) -> None:
        super().__init__()
        self.self_attention = Attention(size.features, size.features, size.heads, size.attention_dropout)
        self.around_self_attention = Sublayer(size)
        self.source_attention = Attention(size.features, source_features, size.heads, size.attention_dropout)
        self.around_source_attention = Sublayer(size)
        self.ffn = FeedForward(size)
        self.around_ffn = Sublayer(size)

    def forward(self, x: Tensor, packing: Packing, attend: Tensor, memory: Memory) -> Tensor:
        """Apply the layer to x (R, D), packed from (N, T); attend (N, 1, 1, T) bool; memory of B or N sentences."""
        attention = self.self_attention
        x = self.around_self_attention(x, lambda y: attention(y, packing, attention.memory(y, packing, attend)))
        return self._after_self_attention(x, packing, memory)

    def forward_at(self, x: Tensor, packing: Packing, attend: Tensor, memory: Memory, asked: Tensor) -> Tensor:
        """Compute `forward` only at the `asked` (M,) flat places of (N, T), ascending up to spare zeros, as (M, D)."""
        row = self.around_self_attention.read(x)
        own = self.self_attention.memory(row, packing, attend)
        some = packing.at(asked)
        x = x.index_select(0, packing.find(asked))
        x = self.around_self_attention(x, lambda y: self.self_attention(y, some, own))
        return self._after_self_attention(x, some, memory)

    def forward_next(self, x: Tensor, prefix: Optional[Memory], memory: Memory) -> tuple[Tensor, Memory]:
        """Compute the layer for one more token of each of N rows, x (N, D), in the causal mode.

        prefix  of the N rows: keys and values of the tokens before; None where there are none
        memory  of B sentences, N = B * K rows sentence-major

        Return the token's states (N, D), and the prefix with its own keys and values.
        """
        attention, one = self.self_attention, Packing(None, len(x), 1)
        attend = torch.ones(len(x), 1, 1, 1, dtype=torch.bool, device=x.device)
        own = attention.memory(self.around_self_attention.read(x), one, attend)
        prefix = own if prefix is None else prefix.followed_by(own)
        x = self.around_self_attention(x, lambda y: attention(y, one, prefix))
        return self._after_self_attention(x, one, memory), prefix

    def source_weights(self, x: Tensor, packing: Packing, attend: Tensor, memory: Memory) -> Tensor:
        """Compute how much each place attends to the source, (N, T, S), for the arguments of `forward`.

        memory  of N sentences
        """
        attention = self.self_attention
        x = self.around_self_attention(x, lambda y: attention(y, packing, attention.memory(y, packing, attend)))
        return self.source_attention.weights(self.around_source_attention.read(x), packing, memory)

    def _after_self_attention(self, x: Tensor, packing: Packing, memory: Memory) -> Tensor:
        x = self.around_source_attention(x, lambda y: self.source_attention(y, packing, memory))
        x = self.around_ffn(x, self.ffn)
        return x
