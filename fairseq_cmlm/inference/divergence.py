"""Outputs that are not numbers: what a model computes that diverged in training, or whose numbers overflow."""

from __future__ import annotations

from typing import Iterable

import torch
from torch import Tensor, nn

from fairseq_cmlm.errors import ModelError


def refuse_nan(outputs: Iterable[Tensor], networks: Iterable[nn.Module]) -> None:
    """Raise a ModelError if one of the `outputs` of the networks holds a NaN; the host waits for the device.

    >>> refuse_nan([torch.tensor([0.0, -torch.inf])], [])
    """
    if not bool(torch.stack([one.isnan().any() for one in outputs]).any()):
        return
    parameters = (one for network in networks for one in network.parameters())
    kinds = {str(one.dtype).removeprefix("torch.") for one in parameters} or {"int8"}
    raise ModelError(
        f"the model's outputs are not numbers (NaN) in {' and '.join(sorted(kinds))}: it diverged in training, "
        "or its numbers overflow. Use an earlier checkpoint, or --decoding-dtype float32 and no --fp16"
    )
