from __future__ import annotations

import torch
from torch import nn

from fairseq_cmlm.model.embedding import TokenEmbedding, init_bert, positions_of


def test_positions_count_real_tokens_only() -> None:
    real = torch.tensor([[True, True, True, False], [False, True, True, False]])
    assert positions_of(real).tolist() == [[0, 1, 2, 2], [0, 0, 1, 1]]


def test_token_and_position_are_added_unscaled() -> None:
    embedding = TokenEmbedding(nn.Embedding(5, 4), 3)
    tokens = torch.tensor([[3, 4]])
    expected = embedding.tokens.weight[tokens[0]] + embedding.positions.weight[:2]
    assert embedding(tokens, torch.tensor([[0, 1]]))[0].equal(expected)


def test_initialisation() -> None:
    torch.manual_seed(1)
    module = nn.Sequential(nn.Embedding(200, 100, padding_idx=0), nn.Linear(100, 200), nn.LayerNorm(200))
    module.apply(init_bert)
    for weight in (module[0].weight, module[1].weight):
        assert abs(float(weight.mean())) < 1e-3 and abs(float(weight.std()) - 0.02) < 1e-3
    assert module[1].bias.eq(0).all() and module[2].weight.eq(1).all() and module[2].bias.eq(0).all()
