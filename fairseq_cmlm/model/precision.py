"""Lower precision for decoding: which kinds of number there are, for which devices, and how a network gets them.

To add one: a function here, a row in PRECISIONS, a row in its test.
"""

from __future__ import annotations

from typing import Callable, NamedTuple

import torch
from torch import nn

from fairseq_cmlm.model.projection import Int8Projection, int8_is_supported


class Precision(NamedTuple):
    """A precision: `lower` changes a network in place; `devices` names those of this machine that support it."""

    lower: Callable[[nn.Module], None]
    devices: tuple[str, ...]


def _keep(network: nn.Module) -> None:
    """Keep the network in float32, as it was trained."""


def _bfloat16(network: nn.Module) -> None:
    network.to(torch.bfloat16)


def _float16(network: nn.Module) -> None:
    network.to(torch.float16)


def _int8(network: nn.Module) -> None:
    """Turn every linear layer into 8 bits; embeddings, normalisation and attention stay float32."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear):
                setattr(module, name, Int8Projection(child))


PRECISIONS: dict[str, Precision] = {
    "float32": Precision(_keep, ("cpu", "cuda")),
    "bfloat16": Precision(_bfloat16, ("cpu", "cuda")),
    "float16": Precision(_float16, ("cuda",)),
    "int8": Precision(_int8, ("cpu",) if int8_is_supported() else ()),
}
