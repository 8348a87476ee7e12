"""The source encoder, with the LENGTH token that predicts the target's length."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairseq_cmlm.model.attention import attend_mask
from fairseq_cmlm.model.dropout import Dropout
from fairseq_cmlm.model.embedding import TokenEmbedding, positions_of
from fairseq_cmlm.model.layer import LAYER_NORM_EPS, EncoderLayer, LayerSize
from fairseq_cmlm.model.layer_norm import LayerNorm
from fairseq_cmlm.model.packing import packing_of
from fairseq_cmlm.model.reduced_training import lowered


class Encoded(NamedTuple):
    """Encoder states, which of them are real, and length logits.

    states         (B, S, D), without the LENGTH slot, 0 at padding
    real           (B, S) bool
    length_logits  (B, L), indexed by length; readers must skip length 0, which no target has
    """

    states: Tensor
    real: Tensor
    length_logits: Tensor


class Encoder(nn.Module):
    """Transformer encoder over the LENGTH token and the source (paper, section 3.3).

    Row 0 of the length table is the input of the LENGTH slot. The slot's last state times the same table gives the
    logits of the lengths 0 .. L-1. The slot has no position, and the decoder does not see it.
    """

    def __init__(self, embedding: TokenEmbedding, size: LayerSize, layers: int, lengths: int, pad: int) -> None:
        super().__init__()
        self.pad = pad
        self.embedding = embedding
        self.lengths = nn.Embedding(lengths, size.features)
        self.dropout = Dropout(size.dropout)
        self.layers = nn.ModuleList(EncoderLayer(size) for _ in range(layers))
        self.norm = LayerNorm(size.features, eps=LAYER_NORM_EPS) if size.pre_norm else nn.Identity()

    def forward(self, source: Tensor) -> Encoded:
        """Encode the source (B, S) int64, padded on either side."""
        real = source.ne(self.pad)
        slot = self.lengths.weight[0].expand(source.size(0), 1, -1)
        embedded = torch.cat([slot, self.embedding(source, positions_of(real))], dim=1)
        used = functional.pad(real, (1, 0), value=True)
        packing, attend = packing_of(used), attend_mask(used)
        x = self.dropout(lowered(packing.pack(embedded)))
        for layer in self.layers:
            x = layer(x, packing, attend)
        x = packing.pad(self.norm(x))
        logits = functional.linear(x[:, 0], self.lengths.weight)
        return Encoded(x[:, 1:], real, logits)
