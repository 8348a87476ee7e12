"""Token and position embeddings, and the initialisation of the network."""

from __future__ import annotations

from torch import Tensor, nn


def positions_of(real: Tensor) -> Tensor:
    """Number the positions where real (B, L) bool is true: 0, 1, 2, ... as (B, L) int64; padding shifts nothing."""
    return (real.long().cumsum(1) - 1).clamp(min=0)


class TokenEmbedding(nn.Module):
    """E[token] + P[position], both learned; no scaling and no normalisation.

    tokens  a table, which another module may share
    """

    def __init__(self, tokens: nn.Embedding, max_positions: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.positions = nn.Embedding(max_positions, tokens.embedding_dim)

    def forward(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Embed tokens at positions, int64 of the same shape (...), as (..., D)."""
        embedded: Tensor = self.tokens(tokens) + self.positions(positions)
        return embedded


def init_bert(module: nn.Module) -> None:
    """Initialise a module as BERT and the paper do: weights from N(0, 0.02), biases 0. For nn.Module.apply."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, mean=0.0, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
