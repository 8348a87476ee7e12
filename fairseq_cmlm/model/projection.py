"""Linear projections whose outputs can be computed block by block, in float or in 8 bits, for training and decoding."""

from __future__ import annotations

from typing import Any, Iterator, Optional

import torch
from torch import Tensor, nn
from torch.nn import functional

# Outputs that are computed together. Among 2,000, 4,000, 8,000 and 32,000 the last is a fifth slower on a CPU.
BLOCK = 8000
# A GPU has no cache for them, and each block costs it some twenty launches: as many logits as memory is spent on.
GPU_LOGITS = 2**27


class Projection(nn.Linear):
    """nn.Linear, which can keep its weights a second time as oneDNN lays them out, and may have many outputs.

    torch gives a product in float32 to MKL, and lays bfloat16 weights out anew for each product.
    """

    def __init__(self, features: int, outputs: int, bias: bool = True) -> None:
        super().__init__(features, outputs, bias)
        self._laid_out: list[Tensor] = []

    def lay_out(self) -> None:
        """Lay the weights out for decoding on a CPU. Whatever changes them, or trains, undoes it."""
        if not self._laid_out and self.weight.is_cpu and _has_kernels(self.weight.dtype):
            blocks = torch.split(self.weight.detach(), BLOCK)
            self._laid_out = [torch.ops.mkldnn._reorder_linear_weight(block.contiguous(), None) for block in blocks]

    def forward(self, x: Tensor) -> Tensor:
        """X (..., in) -> (..., out)"""
        if not self._reads_laid_out():
            return super().forward(x)
        sizes = [len(weight) for weight in self._laid_out]
        biases = [None] * len(sizes) if self.bias is None else torch.split(self.bias, sizes)
        found = [_product(x, weight, bias) for weight, bias in zip(self._laid_out, biases)]
        return found[0] if len(found) == 1 else torch.cat(found, dim=-1)

    def blocks(self, x: Tensor) -> Iterator[Tensor]:
        """X (M, in) -> the outputs, without bias, in successive blocks (M, at most BLOCK; on a GPU larger ones)."""
        if self._reads_laid_out():
            yield from (_product(x, weight, None) for weight in self._laid_out)
            return
        size = BLOCK if x.is_cpu else max(BLOCK, GPU_LOGITS // max(len(x), 1))
        for weight in torch.split(self.weight, size):
            yield functional.linear(x, weight)

    def _reads_laid_out(self) -> bool:
        """Say whether to multiply by the weights that are laid out: not to train, nor under autocast.

        A validation under autocast may follow a decoding (--eval-bleu), and its x has another type than these weights.
        """
        return bool(self._laid_out) and not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")

    def train(self, mode: bool = True) -> Projection:
        """As nn.Module's."""
        self._laid_out = [] if mode else self._laid_out
        return super().train(mode)

    def _apply(self, *arguments: Any, **named: Any) -> Projection:
        self._laid_out = []
        return super()._apply(*arguments, **named)  # type: ignore[no-untyped-call]

    def _load_from_state_dict(self, *arguments: Any) -> None:
        self._laid_out = []
        super()._load_from_state_dict(*arguments)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_laid_out": []}


def _product(x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
    found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return found


def _has_kernels(dtype: torch.dtype) -> bool:
    """Whether oneDNN multiplies numbers of this type on this processor."""
    if not torch._C._has_mkldnn:
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))


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
