"""Training in bfloat16 on a CPU: where it departs from torch's autocast, and why."""

from __future__ import annotations

import torch
from torch import Tensor

from fairseq_cmlm.model.dropout import Dropout
from fairseq_cmlm.shapes import is_reduced


def lowered(x: Tensor) -> Tensor:
    """Convert states x to bfloat16 in lower precision on a CPU; return them unchanged elsewhere.

    Normalisation and residual connections keep the type of their input, so the whole network then computes in bfloat16.
    Otherwise they would give float32, which autocast converts anew for each product.
    """
    return x.to(torch.get_autocast_dtype("cpu")) if is_reduced(x.device) else x


def attention(query: Tensor, key: Tensor, value: Tensor, attend: Tensor, dropout: Dropout) -> Tensor:
    """Compute scaled_dot_product_attention in separate steps: products in the type of the inputs, softmax in float32.

    The backward pass of torch's fused kernel takes ten times as long in bfloat16 on a CPU, and twice as long in
    float32. The softmax is fast over whole vectors, to which spare columns fill a memory up.
    """
    # Copied once here; otherwise the product copies the keys transposed.
    query, key, value = query.contiguous(), key.contiguous(), value.contiguous()
    scores = (query @ key.transpose(2, 3)).float()
    weights = torch.add(torch.where(attend, 0.0, -torch.inf), scores, alpha=query.size(3) ** -0.5).softmax(3)
    return dropout(weights.type_as(value)) @ value
