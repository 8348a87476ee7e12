"""The bidirectional decoder: a Transformer decoder without the causal mask."""

from __future__ import annotations

from itertools import repeat
from typing import Sequence, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairseq_cmlm.model.attention import Memory, attend_mask
from fairseq_cmlm.model.causal import causal_mask
from fairseq_cmlm.model.dropout import Dropout
from fairseq_cmlm.model.embedding import TokenEmbedding, positions_of
from fairseq_cmlm.model.encoder import Encoded
from fairseq_cmlm.model.layer import LAYER_NORM_EPS, DecoderLayer, LayerSize
from fairseq_cmlm.model.layer_norm import LayerNorm
from fairseq_cmlm.model.packing import Packing, packing_of
from fairseq_cmlm.model.projection import Projection
from fairseq_cmlm.model.reduced_training import lowered
from fairseq_cmlm.shapes import is_reduced, spare_columns


class Decoder(nn.Module):
    """A decoder that reads a canvas and the source and predicts the tokens at given positions.

    With `tied` the output projection is the token table; there is no output bias.
    """

    def __init__(
        self, embedding: TokenEmbedding, size: LayerSize, layers: int, source_features: int, pad: int, tied: bool
    ) -> None:
        super().__init__()
        self.pad = pad
        self.embedding = embedding
        self.dropout = Dropout(size.dropout)
        self.layers = nn.ModuleList(DecoderLayer(size, source_features) for _ in range(layers))
        self.norm = LayerNorm(size.features, eps=LAYER_NORM_EPS) if size.pre_norm else nn.Identity()
        self.output = Projection(size.features, embedding.tokens.num_embeddings, bias=False)
        if tied:
            self.output.weight = embedding.tokens.weight

    def memory(self, encoded: Encoded) -> list[Memory]:
        """Compute the keys and values of the source for each layer."""
        states, real, _ = encoded
        packing = Packing(None, *real.shape)  # not packed: counting the tokens would make the host wait for a GPU
        if is_reduced(real.device):
            spare = spare_columns(real.size(1), real.device)
            states, real = functional.pad(states, (0, 0, 0, spare)), functional.pad(real, (0, spare))
            packing = packing_of(real)
        states, attend = packing.pack(states), attend_mask(real)
        layers = cast("list[DecoderLayer]", self.layers)
        return [layer.source_attention.memory(states, packing, attend) for layer in layers]

    def features(
        self, canvas: Tensor, packing: Packing, memory: list[Memory], positions: Tensor, causal: bool = False
    ) -> Tensor:
        """Compute the last states (M, D) at the flat `positions` (M,) into (N * T), ascending.

        canvas   (N, T) int64, padded
        packing  the places of the canvas to compute: at least all that hold a token
        memory   of B sentences, N = B * K rows sentence-major
        causal   hide from each position those to its right

        The last layer is computed only at the given positions.
        """
        real = canvas.ne(self.pad)
        attend = causal_mask(real) if causal else attend_mask(real)
        embedded = self.embedding(packing.pack(canvas), packing.pack(positions_of(real)))
        x: Tensor = self.dropout(lowered(embedded))
        *layers, last = cast("list[DecoderLayer]", list(self.layers))
        for layer, layer_memory in zip(layers, memory):
            x = layer(x, packing, attend, layer_memory)
        x = self.norm(last.forward_at(x, packing, attend, memory[-1], positions))
        return x

    def next_features(
        self, tokens: Tensor, prefix: Sequence[Memory], memory: list[Memory]
    ) -> tuple[Tensor, list[Memory]]:
        """Compute the last states (N, D) of one more token of each row, `tokens` (N,), in the causal mode.

        prefix  of each layer: keys and values of the tokens before, which are no padding; empty at the beginning
        memory  of B sentences, N = B * K rows sentence-major

        Return the states and the prefix of the token after this one.
        """
        place = prefix[0].key.size(2) if prefix else 0
        x: Tensor = self.dropout(lowered(self.embedding(tokens, torch.full_like(tokens, place))))
        longer = []
        for layer, before, source in zip(cast("list[DecoderLayer]", self.layers), prefix or repeat(None), memory):
            x, after = layer.forward_next(x, before, source)
            longer.append(after)
        return self.norm(x), longer

    def source_weights(self, canvas: Tensor, memory: list[Memory]) -> Tensor:
        """Compute how much each place of the canvas (N, T) attends to the source, the mean over layers, (N, T, S).

        memory  of N sentences

        This is extra work beside `features`, for showing attention.
        """
        real = canvas.ne(self.pad)
        packing, attend = packing_of(real), attend_mask(real)
        x: Tensor = self.embedding(packing.pack(canvas), packing.pack(positions_of(real)))
        found = []
        for layer, layer_memory in zip(cast("list[DecoderLayer]", self.layers), memory):
            found.append(layer.source_weights(x, packing, attend, layer_memory))
            x = layer(x, packing, attend, layer_memory)
        return torch.stack(found).mean(dim=0)

    def forward(self, canvas: Tensor, memory: list[Memory], positions: Tensor) -> Tensor:
        """Compute logits (M, V) only at the flat `positions` (M,) into (N * T): no product of a pass is wider."""
        logits: Tensor = self.output(self.features(canvas, packing_of(canvas.ne(self.pad)), memory, positions))
        return logits
