"""The bidirectional decoder: a Transformer decoder without the causal mask."""

from __future__ import annotations

from typing import Iterator, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

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

    def features(self, canvas: Tensor, memory: list[SourceMemory], positions: Tensor, widest: int) -> Tensor:
        """The last states (M, D) at the flat `positions` (M,) into (N * T), ascending.

        canvas  (N, T) int64, padded
        memory  of B sentences, N = B * K rows sentence-major
        widest  the most positions asked for in one row

        Only the asked positions go through the last layer, where it saves work.
        """
        real = canvas.ne(self.pad)
        x: Tensor = self.dropout(self.embedding(canvas, real))
        attend = attend_mask(real)
        *layers, last = cast("list[DecoderLayer]", list(self.layers))
        for layer, layer_memory in zip(layers, memory):
            x = layer(x, attend, layer_memory)
        if widest == canvas.size(1):
            x = last(x, attend, memory[-1]).flatten(0, 1)[positions]
        else:
            row, column = positions // canvas.size(1), positions % canvas.size(1)
            place = place_in_row(row, canvas.size(0))
            slots = column.new_zeros(canvas.size(0), widest).index_put((row, place), column)
            x = last.forward_at(x, slots, attend, memory[-1])[row, place]
        x = self.norm(x)
        return x

    def blocks(self, features: Tensor, size: int) -> Iterator[Tensor]:
        """The logits of M `features` (M, D), float32, in successive blocks of `size` tokens: (M, size), ... to V."""
        for table in torch.split(self.output.weight, size):
            yield functional.linear(features, table).float()

    def forward(self, canvas: Tensor, memory: list[SourceMemory], positions: Tensor) -> Tensor:
        """Logits (M, V) at the flat `positions` (M,) into (N * T) alone: the vocabulary is a pass's widest product."""
        logits: Tensor = self.output(self.features(canvas, memory, positions, canvas.size(1)))
        return logits


def place_in_row(row: Tensor, rows: int) -> Tensor:
    """How many before it are the same, for each of `row` (M,), ascending, below `rows`: 0, 0, 2, 2 -> 0, 1, 0, 1."""
    counts = torch.zeros(rows, dtype=torch.long, device=row.device).index_add(0, row, torch.ones_like(row))
    return torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row]
