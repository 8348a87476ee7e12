"""fairseq's own losses with --training-dtype: for autoregressive teachers, and for comparisons at equal precision."""

import contextlib
from dataclasses import dataclass
from typing import Any, Dict, Tuple

import torch
from fairseq import utils
from fairseq.criterions import register_criterion
from fairseq.criterions.label_smoothed_cross_entropy import (
    LabelSmoothedCrossEntropyCriterion,
    LabelSmoothedCrossEntropyCriterionConfig,
)
from fairseq.criterions.nat_loss import LabelSmoothedDualImitationCriterion, LabelSmoothedDualImitationCriterionConfig
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from fairseq_cmlm.plugin.training_dtype import TrainingDtypeConfig, wants_bfloat16


class AutocastModel:
    """A model that computes in bfloat16, by torch's autocast, and returns float32."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __call__(self, *inputs: Any, **named_inputs: Any) -> Any:
        """Run the model and return its outputs."""
        device = next(self._model.parameters()).device.type
        # The backward pass of fused attention in bfloat16 takes ten times as long on a CPU.
        unfused = sdpa_kernel(SDPBackend.MATH) if device == "cpu" else contextlib.nullcontext()
        with torch.autocast(device, torch.bfloat16), unfused:
            outputs = self._model(*inputs, **named_inputs)
        return utils.apply_to_sample(lambda x: x.float() if x.dtype == torch.bfloat16 else x, outputs)


class AutocastLoss:
    """A mixin that adds --training-dtype to a criterion of fairseq."""

    reduced = False

    @classmethod
    def build_criterion(cls, cfg: TrainingDtypeConfig, task: Any) -> Any:
        """Build fairseq's criterion with `--training-dtype`."""
        built = super().build_criterion(cfg, task)  # type: ignore[misc]
        built.reduced = wants_bfloat16(cfg.training_dtype, cfg.fp16, cfg.bf16, cfg.amp)
        return built

    def forward(self, model: Any, sample: Dict[str, Any], reduce: bool = True) -> Tuple[Tensor, int, Dict[str, Any]]:
        """Return fairseq's loss, sample size and logged sums."""
        model = AutocastModel(model) if self.reduced else model
        found: Tuple[Tensor, int, Dict[str, Any]] = super().forward(model, sample, reduce)  # type: ignore[misc]
        return found


@dataclass
class AutoregressiveLossConfig(TrainingDtypeConfig, LabelSmoothedCrossEntropyCriterionConfig):
    """Options of `--criterion autoregressive_loss`."""


@register_criterion("autoregressive_loss", dataclass=AutoregressiveLossConfig)
class AutoregressiveLoss(AutocastLoss, LabelSmoothedCrossEntropyCriterion):
    """fairseq's label_smoothed_cross_entropy."""


@dataclass
class FairseqNATLossConfig(TrainingDtypeConfig, LabelSmoothedDualImitationCriterionConfig):
    """Options of `--criterion fairseq_nat_loss`."""


@register_criterion("fairseq_nat_loss", dataclass=FairseqNATLossConfig)
class FairseqNATLoss(AutocastLoss, LabelSmoothedDualImitationCriterion):
    """fairseq's nat_loss, of its own non-autoregressive models."""
