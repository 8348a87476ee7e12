"""fairseq's Adam as one kernel over all parameters; fairseq itself launches seven kernels for each."""

from __future__ import annotations

import math
from typing import Any, Callable, Iterable, Optional

import torch
from torch import Tensor


class FusedAdam(torch.optim.AdamW):
    """torch's fused AdamW with the results of fairseq's Adam, up to rounding, and its checkpoint format.

    With v the second moment after t updates, fairseq divides by (sqrt(v) + eps) / sqrt(1 - beta2^t), but torch by
    sqrt(v) / sqrt(1 - beta2^t) + eps (Kingma and Ba 2015: the end of section 2, and algorithm 1). Therefore torch gets
    eps / sqrt(1 - beta2^t). Checkpoints store t as an integer, as fairseq's do.
    """

    supports_flat_params = True

    def __init__(self, params: Iterable[Any], **options: Any) -> None:
        super().__init__(params, fused=True, **options)
        # Otherwise torch's GradScaler (--amp) would call `step` after an overflow too and leave skipping to the kernel.
        self._step_supports_amp_scaling = False
        self._updates = 0

    def step(self, closure: Optional[Callable[[], Any]] = None) -> Any:
        """Make one update."""
        self._updates += 1
        plain = [group["eps"] for group in self.param_groups]
        for group in self.param_groups:
            group["eps"] /= math.sqrt(1 - group["betas"][1] ** self._updates)
        try:
            return super().step(closure)
        finally:
            for group, eps in zip(self.param_groups, plain):
                group["eps"] = eps

    def state_dict(self) -> dict[str, Any]:
        """Return the state in the format of fairseq's Adam."""
        saved: dict[str, Any] = super().state_dict()
        state = {name: {**one, "step": int(one["step"])} for name, one in saved["state"].items()}
        return {**saved, "state": state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for group in state["param_groups"]:
            group["fused"] = True
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        steps: list[Tensor] = [one["step"] for one in self.state.values()]
        self._updates = int(max(steps)) if steps else 0
