"""Linear projections whose outputs can be computed block by block, in float or in 8 bits."""

from __future__ import annotations

from typing import Any, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

# Outputs that are computed together. Among 2,000, 4,000, 8,000 and 32,000 the last is a fifth slower on a CPU.
BLOCK = 8000


class Projection(nn.Linear):
    """nn.Linear for many outputs, such as a vocabulary."""

    def blocks(self, x: Tensor) -> Iterator[Tensor]:
        """X (M, in) -> the outputs, without bias, in successive blocks (M, at most BLOCK)."""
        for weight in torch.split(self.weight, BLOCK):
            yield functional.linear(x, weight)


def int8_is_supported() -> bool:
    """Whether this torch has the operators, and the processor sums products of 8 bits without overflow (VNNI)."""
    vnni = getattr(torch.cpu, "_is_vnni_supported", lambda: False)
    return hasattr(torch.ops.onednn, "qlinear_pointwise") and bool(vnni())


class Int8Projection(nn.Module):
    """A linear layer with weights and inputs of 8 bits, on a CPU with instructions for it (VNNI).

    Both are symmetric about 0, with a scale of its own for each output and for each row of the input, so that a row's
    result does not depend on the others. Products are summed in integers; input and output are float32.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.bias = None if linear.bias is None else linear.bias.detach()
        self._blocks = [_Block(weight) for weight in torch.split(linear.weight.detach(), BLOCK)]

    def blocks(self, x: Tensor) -> Iterator[Tensor]:
        """As Projection's."""
        rows, scale = _quantised_rows(x)
        for block in self._blocks:
            yield block.product(rows).mul_(scale)

    def forward(self, x: Tensor) -> Tensor:
        """X (M, in) -> (M, out)"""
        found = list(self.blocks(x))
        y = found[0] if len(found) == 1 else torch.cat(found, dim=1)
        return y if self.bias is None else y.add_(self.bias)


class _Block:
    """Some outputs: their weights as oneDNN lays them out, and their scales. torch.compile uses the same operators."""

    def __init__(self, weight: Tensor) -> None:
        self.scale = weight.abs().amax(dim=1).clamp(min=1e-8) / 127
        self.zero = torch.zeros(len(weight))
        rounded = (weight / self.scale[:, None]).round().to(torch.int8)
        self.weight = torch.ops.onednn.qlinear_prepack(rounded, None)

    def product(self, rows: Tensor) -> Tensor:
        """Rows (M, in) uint8 about 128 -> (M, outputs) float32, to be multiplied by the scales of the rows."""
        scales: tuple[Any, ...] = (1.0, 128, self.weight, self.scale, self.zero)
        product: Tensor = torch.ops.onednn.qlinear_pointwise(rows, *scales, None, 1.0, 0, torch.float32, "none", [], "")
        return product


def _quantised_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """X (M, in) float32 as (M, in) uint8, 1 to 255 with 0 at 128, and the scale (M, 1) of each row."""
    # Two reductions, as torch has no fast one of the largest absolute value.
    scale = torch.maximum(x.amax(dim=1, keepdim=True), -x.amin(dim=1, keepdim=True)).clamp_(min=1e-8).div_(127)
    return (x / scale).add_(128.5).to(torch.uint8), scale
