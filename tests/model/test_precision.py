from __future__ import annotations

import pytest
import torch
from torch import nn

from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.encoder import Encoder
from fairseq_cmlm.model.precision import PRECISIONS

SOURCE = torch.tensor([[5, 6, 7, 2], [8, 9, 2, 1]])
CANVAS = torch.tensor([[10, 4, 12, 2], [4, 13, 2, 1]])
# precision -> largest error of the logits, beside their standard deviation
ERRORS = {"float32": 0.0, "bfloat16": 0.1, "int8": 0.1}


@pytest.mark.parametrize("precision", ERRORS)
def test_logits_are_near_those_of_float32(both: tuple[Encoder, Decoder], precision: str) -> None:
    if "cpu" not in PRECISIONS[precision].devices:
        pytest.skip(f"{precision} cannot be computed on this processor")
    encoder, decoder = both
    positions = torch.tensor([1, 2, 4])
    with torch.no_grad():
        expected = decoder(CANVAS, decoder.memory(encoder(SOURCE)), positions)
        for module in both:
            PRECISIONS[precision].lower(module)
        found = decoder(CANVAS, decoder.memory(encoder(SOURCE)), positions).float()
    error = (found - expected).abs().max() / expected.std()
    assert error <= ERRORS[precision]
    assert precision == "float32" or error > 0, "nothing was lowered"


def test_a_shared_table_stays_shared() -> None:
    linear, embedding = nn.Linear(4, 6, bias=False), nn.Embedding(6, 4)
    linear.weight = embedding.weight
    PRECISIONS["bfloat16"].lower(nn.ModuleList([linear, embedding]))
    assert linear.weight is embedding.weight and linear.weight.dtype == torch.bfloat16
