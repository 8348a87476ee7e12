"""Linear projections whose outputs can be computed block by block, in float or in 8 bits, for training and decoding."""

from __future__ import annotations

from typing import Any, Iterator, Optional

import torch
from torch import Tensor, nn
from torch.nn import functional

# Outputs computed together. Of 2,000, 4,000, 8,000 and 32,000 the last is a fifth slower on a CPU.
BLOCK = 8000
# Logits computed together on a GPU: no cache holds them, and each block costs some twenty launches.
GPU_LOGITS = 2**27


class Projection(nn.Linear):
    """nn.Linear that can also keep its weights in oneDNN's layout and compute many outputs block by block.

    torch itself multiplies float32 with MKL, and converts bfloat16 weights to oneDNN's layout anew for each product.
    """

    def __init__(self, features: int, outputs: int, bias: bool = True) -> None:
        super().__init__(features, outputs, bias)
        self._laid_out: list[Tensor] = []
        self._laid_out_from: tuple[Any, ...] = ()

    def lay_out(self) -> None:
        """Lay the weights out for decoding on a CPU, until they are changed or trained."""
        if not self._laid_out and self.weight.is_cpu and _has_kernels(self.weight.dtype):
            blocks = torch.split(self.weight.detach(), BLOCK)
            self._laid_out = [torch.ops.mkldnn._reorder_linear_weight(block.contiguous(), None) for block in blocks]
            self._laid_out_from = self._state_of_weight()

    def forward(self, x: Tensor) -> Tensor:
        """Project x (..., in) to (..., out)."""
        if not self._reads_laid_out():
            return super().forward(x)
        sizes = [len(weight) for weight in self._laid_out]
        biases = [None] * len(sizes) if self.bias is None else torch.split(self.bias, sizes)
        found = [_product(x, weight, bias) for weight, bias in zip(self._laid_out, biases)]
        return found[0] if len(found) == 1 else torch.cat(found, dim=-1)

    def blocks(self, x: Tensor) -> Iterator[Tensor]:
        """Yield the outputs of x (M, in), without bias, in successive blocks (M, at most BLOCK; more on a GPU)."""
        if self._reads_laid_out():
            yield from (_product(x, weight, None) for weight in self._laid_out)
            return
        size = BLOCK if x.is_cpu else max(BLOCK, GPU_LOGITS // max(len(x), 1))
        for weight in torch.split(self.weight, size):
            yield functional.linear(x, weight)

    def _reads_laid_out(self) -> bool:
        """Return whether to multiply by the laid-out weights: not in training, and not under autocast.

        A validation under autocast may follow a decoding (--eval-bleu); its x has another type than these weights.
        """
        return bool(self._laid_out) and not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")

    def train(self, mode: bool = True) -> Projection:
        """Switch to training, which drops the laid-out weights, or to evaluation."""
        self._laid_out = [] if mode else self._laid_out
        return super().train(mode)

    def _apply(self, *arguments: Any, **named: Any) -> Projection:
        super()._apply(*arguments, **named)  # type: ignore[no-untyped-call]
        if self._state_of_weight() != self._laid_out_from:  # else it was moved to where it is
            self._laid_out = []
        return self

    def _state_of_weight(self) -> tuple[Any, ...]:
        """Return what changes with the weight, which may be that of an embedding too and change with it."""
        weight = self.weight
        version = 0 if weight.is_inference() else weight._version
        return weight.data_ptr(), weight.dtype, weight.device, version

    def _load_from_state_dict(self, *arguments: Any) -> None:
        self._laid_out = []
        super()._load_from_state_dict(*arguments)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_laid_out": []}


def _product(x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
    found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return found


def _has_kernels(dtype: torch.dtype) -> bool:
    """Return whether oneDNN multiplies numbers of this type on this processor."""
    if not torch._C._has_mkldnn:
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))


def int8_is_supported() -> bool:
    """Return whether torch has the int8 operators and the processor sums 8-bit products without overflow (VNNI)."""
    vnni = getattr(torch.cpu, "_is_vnni_supported", lambda: False)
    return hasattr(torch.ops.onednn, "qlinear_pointwise") and bool(vnni())


class Int8Projection(nn.Module):
    """A linear layer with 8-bit weights and inputs, for CPUs with VNNI.

    Both are symmetric about 0. Each output and each row of the input has its own scale, so that a row's result does not
    depend on other rows. Products are summed in integers; input and output are float32.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.bias = None if linear.bias is None else linear.bias.detach()
        self._blocks = [_Block(weight) for weight in torch.split(linear.weight.detach(), BLOCK)]

    def blocks(self, x: Tensor) -> Iterator[Tensor]:
        """Yield the outputs of x (M, in) in blocks, as `Projection.blocks` does."""
        rows, scale = _quantised_rows(x)
        for block in self._blocks:
            yield block.product(rows).mul_(scale)

    def forward(self, x: Tensor) -> Tensor:
        """Project x (M, in) to (M, out)."""
        found = list(self.blocks(x))
        y = found[0] if len(found) == 1 else torch.cat(found, dim=1)
        return y if self.bias is None else y.add_(self.bias)


class _Block:
    """A block of outputs: weights in oneDNN's layout, and scales. The operators are those of torch.compile."""

    def __init__(self, weight: Tensor) -> None:
        self.scale = weight.abs().amax(dim=1).clamp(min=1e-8) / 127
        self.zero = torch.zeros(len(weight))
        rounded = (weight / self.scale[:, None]).round().to(torch.int8)
        self.weight = torch.ops.onednn.qlinear_prepack(rounded, None)

    def product(self, rows: Tensor) -> Tensor:
        """Multiply rows (M, in) uint8, centred at 128; return (M, outputs) float32 without the scales of the rows."""
        scales: tuple[Any, ...] = (1.0, 128, self.weight, self.scale, self.zero)
        product: Tensor = torch.ops.onednn.qlinear_pointwise(rows, *scales, None, 1.0, 0, torch.float32, "none", [], "")
        return product


def _quantised_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Quantise x (M, in) float32 to uint8, 1 to 255 with 0 at 128; return it with the scale (M, 1) of each row."""
    # Two reductions, because torch has no fast one for the largest absolute value.
    scale = torch.maximum(x.amax(dim=1, keepdim=True), -x.amin(dim=1, keepdim=True)).clamp_(min=1e-8).div_(127)
    return (x / scale).add_(128.5).to(torch.uint8), scale
