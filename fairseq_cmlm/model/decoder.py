"""The bidirectional decoder: a Transformer decoder without the causal mask."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from fairseq_cmlm.model.attention import SourceMemory, attend_mask
from fairseq_cmlm.model.embedding import TokenEmbedding
from fairseq_cmlm.model.encoder import Encoded
from fairseq_cmlm.model.layer import LAYER_NORM_EPS, DecoderLayer, LayerSize


class Decoder(nn.Module):
    """Reads a canvas and the source, predicts the tokens at the positions that are asked for.

    With `tied` the output projection is the token table; there is no output bias.
    """

    def __init__(
        self, embedding: TokenEmbedding, size: LayerSize, layers: int, source_features: int, pad: int, tied: bool
    ) -> None:
        super().__init__()
        self.pad = pad
        self.embedding = embedding
        self.dropout = nn.Dropout(size.dropout)
        self.layers = nn.ModuleList(DecoderLayer(size, source_features) for _ in range(layers))
        self.norm = nn.LayerNorm(size.features, eps=LAYER_NORM_EPS) if size.pre_norm else nn.Identity()
        self.output = nn.Linear(size.features, embedding.tokens.num_embeddings, bias=False)
        if tied:
            self.output.weight = embedding.tokens.weight

    def memory(self, encoded: Encoded) -> list[SourceMemory]:
        """The keys and values of the source, for each layer."""
        attend = attend_mask(encoded.real)
        layers = cast("list[DecoderLayer]", self.layers)
        return [layer.source_attention.memory(encoded.states, attend) for layer in layers]

    def features(self, canvas: Tensor, memory: list[SourceMemory]) -> Tensor:
        """Canvas (N, T) int64, padded; memory of B sentences, N = B * K rows sentence-major -> (N, T, D)"""
        real = canvas.ne(self.pad)
        x: Tensor = self.dropout(self.embedding(canvas, real))
        attend = attend_mask(real)
        for layer, layer_memory in zip(self.layers, memory):
            x = layer(x, attend, layer_memory)
        x = self.norm(x)
        return x

    def forward(self, canvas: Tensor, memory: list[SourceMemory], positions: Tensor) -> Tensor:
        """Logits (M, V) at the flat `positions` (M,) into (N * T) alone: the vocabulary is a pass's widest product."""
        logits: Tensor = self.output(self.features(canvas, memory).flatten(0, 1)[positions])
        return logits
