"""The training loss as a criterion of fairseq: noising, masked tokens and target length."""

import contextlib
import math
from dataclasses import dataclass, fields
from typing import Any, ContextManager, Dict, List, Tuple

import torch
from fairseq import utils
from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.logging import metrics
from omegaconf import II
from torch import Tensor
from torch.nn import functional

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.options import given_in
from fairseq_cmlm.plugin.dictionary import MaskedDictionary
from fairseq_cmlm.plugin.fairseq_options import as_fairseq_fields
from fairseq_cmlm.plugin.training_dtype import TrainingDtypeConfig, wants_bfloat16
from fairseq_cmlm.shapes import spare_columns
from fairseq_cmlm.training.batch_loss import Batch
from fairseq_cmlm.training.noising import NOISINGS, Example
from fairseq_cmlm.training.objectives import OBJECTIVES
from fairseq_cmlm.training.options import Training

_OF_THE_TASK = {name: II(f"task.{name}") for name in ("objective", "mask_schedule")}
TrainingFields: Any = as_fairseq_fields(Training, defaults=True, **_OF_THE_TASK)


@dataclass
class CMLMLossConfig(TrainingFields, TrainingDtypeConfig):
    """Options of `--criterion cmlm_loss`."""

    sentence_avg: bool = II("optimization.sentence_avg")


@register_criterion("cmlm_loss", dataclass=CMLMLossConfig)
class CMLMLoss(FairseqCriterion):
    """The criterion of an objective of this package, OBJECTIVES[--objective]."""

    def __init__(self, task: Any, options: Training, reduced: bool = False) -> None:
        super().__init__(task)
        if not isinstance(task.target_dictionary, MaskedDictionary):
            raise OptionError("--criterion cmlm_loss needs --task translation_cmlm")
        if NOISINGS[options.noising].reads_source and task.source_dictionary != task.target_dictionary:
            raise OptionError(
                f"--noising {options.noising} compares source and target, which have different dictionaries: "
                "preprocess with --joined-dictionary, or use --noising uniform"
            )
        self.options = options
        self.objective = OBJECTIVES[options.objective]
        self.reduced = reduced
        self.mask = task.target_dictionary.mask_index
        self.control = tuple(task.target_dictionary.control_symbols())

    @classmethod
    def build_criterion(cls, cfg: CMLMLossConfig, task: Any) -> "CMLMLoss":
        """Build the criterion from checked options."""
        if cfg.sentence_avg:
            raise OptionError(
                "--sentence-avg is not for --criterion cmlm_loss: its loss is the mean over the masked tokens, and the "
                "length's weight in it is --length-loss-factor; leave it out"
            )
        given = {one.name: getattr(cfg, one.name) for one in fields(CMLMLossConfig)}
        options = Training(**given_in(Training, given))
        return cls(task, options, wants_bfloat16(cfg.training_dtype, cfg.fp16, cfg.bf16, cfg.amp))

    def forward(self, model: Any, sample: Dict[str, Any], reduce: bool = True) -> Tuple[Tensor, float, Dict[str, Any]]:
        """Return loss (scalar, natural log), sample size and logged sums of a batch with "noise_keys".

        In training the batch has "updates", the number of updates so far. A validation batch has not, and its loss is
        that of the end of the ramp.
        """
        with self._precision(sample["target"].device.type):
            batch = self._batch(sample)
            losses = model(lambda network: self.objective.loss(network, batch, self.options))
        sizes = {"sample_size": losses.size, "ntokens": sample["ntokens"], "nsentences": len(sample["target"])}
        log = {**losses.logged, **sizes}
        return losses.loss, losses.size, log

    def _batch(self, sample: Dict[str, Any]) -> Batch:
        source, target = sample["net_input"]["src_tokens"], sample["target"]
        # The network puts one token before the source.
        spare = spare_columns(source.size(1) + 1, source.device), spare_columns(target.size(1), target.device)
        source, target = (
            functional.pad(tokens, (0, n), value=self.padding_idx) for tokens, n in zip((source, target), spare)
        )
        fillable, readable = target.ne(self.padding_idx), source.ne(self.padding_idx)
        example = Example(
            target,
            fillable,
            sample["noise_keys"],
            self.mask,
            schedule=self.options.schedule,
            control=self.control,
            source=source,
            readable=readable,
        )
        progress = self.options.progress(sample["updates"]) if "updates" in sample else 1.0
        return Batch(source, example, progress)

    def _precision(self, device: str) -> ContextManager[Any]:
        """Return the autocast of --training-dtype, or nothing with --amp, which fairseq has entered already.

        It is entered here and not in the task's train_step, where fairseq switches autocast off again on CUDA.
        """
        return torch.autocast(device, torch.bfloat16) if self.reduced else contextlib.nullcontext()

    @classmethod
    def reduce_metrics(cls, logging_outputs: List[Dict[str, Any]]) -> None:
        """Log the losses in base 2, as fairseq does: per token, and the length's per sentence."""
        total = _totals(logging_outputs)
        tokens, masked, sentences = total["sample_size"], total["nmasked"], total["nsentences"]
        metrics.log_scalar("loss", total["loss"] / tokens / math.log(2), tokens, round=3)
        if masked:  # with --objective glancing there may be none
            metrics.log_scalar("nll_loss", total["nll_loss"] / masked / math.log(2), masked, round=3)
            metrics.log_derived("ppl", lambda meters: utils.get_perplexity(meters["nll_loss"].avg))
        for name in (key[: -len("_size")] for key in total if key.endswith("_size") and key != "sample_size"):
            number, unit = total[f"{name}_size"], math.log(2) if name.endswith("_loss") else 1
            metrics.log_scalar(name, total[name] / max(number, 1) / unit, number, round=3)
        metrics.log_scalar("length_loss", total["length_loss"] / sentences / math.log(2), sentences, round=3)
        metrics.log_scalar("length_accuracy", 100 * total["length_correct"] / sentences, sentences, round=1)
        metrics.log_speed("masked_wps", masked, priority=90, round=1)

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        """Return True: every entry is a sum."""
        return True


def _totals(logging_outputs: List[Dict[str, Any]]) -> Dict[str, Any]:
    """Sum each entry over the batches. Entries on a device are fetched together, because each fetch is a sync."""
    sums = {key: sum(log.get(key, 0) for log in logging_outputs) for key in logging_outputs[0]}
    there = {key: value for key, value in sums.items() if isinstance(value, Tensor)}
    if there:
        sums.update(zip(there, torch.stack([value.double() for value in there.values()]).tolist()))
    return sums
