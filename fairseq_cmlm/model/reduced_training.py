"""Training in bfloat16 on a CPU: what is computed there otherwise than by torch's autocast alone, and why."""

from __future__ import annotations

import torch
from torch import Tensor

from fairseq_cmlm.model.dropout import Dropout
from fairseq_cmlm.shapes import is_reduced


def lowered(x: Tensor) -> Tensor:
    """Return the states x in bfloat16 on a CPU in lower precision, else as they are.

    Normalisation and residual connections keep the type of their input, so that the whole network computes in it.
    Otherwise they give float32, and autocast converts it again for each product that reads it.
    """
    return x.to(torch.get_autocast_dtype("cpu")) if is_reduced(x.device) else x


def attention(query: Tensor, key: Tensor, value: Tensor, attend: Tensor, dropout: Dropout) -> Tensor:
    """Compute scaled_dot_product_attention in separate steps: products in the type of the inputs, softmax in float32.

    torch's fused one takes ten times as long in bfloat16 on a CPU, in its backward pass, and twice as long in float32.
    The softmax is fast over whole vectors, which spare columns make of a memory.
    """
    # Copied first, for a product would copy the keys transposed.
    query, key, value = query.contiguous(), key.contiguous(), value.contiguous()
    scores = (query @ key.transpose(2, 3)).float()
    weights = torch.add(torch.where(attend, 0.0, -torch.inf), scores, alpha=query.size(3) ** -0.5).softmax(3)
    return dropout(weights.type_as(value)) @ value
