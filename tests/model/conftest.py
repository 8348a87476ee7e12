"""A small network with random weights large enough that every part matters."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.embedding import TokenEmbedding
from fairseq_cmlm.model.encoder import Encoder
from fairseq_cmlm.model.layer import LayerSize

PAD, WORDS, LENGTHS = 1, 30, 12


def network(pre_norm: bool) -> tuple[Encoder, Decoder]:
    """Encoder and decoder of different widths and numbers of layers, in evaluation mode."""
    torch.manual_seed(5)
    source = LayerSize(16, 24, 2, pre_norm, dropout=0.3, attention_dropout=0.3, activation_dropout=0.3)
    target = LayerSize(8, 24, 4, pre_norm, dropout=0.3, attention_dropout=0.3, activation_dropout=0.3)
    encoder = Encoder(TokenEmbedding(nn.Embedding(WORDS, 16), 20), source, 2, LENGTHS, PAD)
    decoder = Decoder(TokenEmbedding(nn.Embedding(WORDS, 8), 20), target, 3, 16, PAD, tied=False)
    for name, parameter in (*encoder.named_parameters(), *decoder.named_parameters()):
        nn.init.normal_(parameter, mean=1.0 if "norm.weight" in name else 0.0, std=0.3)
    return encoder.eval(), decoder.eval()


@pytest.fixture(params=[False, True], ids=["post-norm", "pre-norm"])
def both(request: pytest.FixtureRequest) -> tuple[Encoder, Decoder]:
    """Encoder and decoder, post-norm and pre-norm."""
    return network(request.param)
