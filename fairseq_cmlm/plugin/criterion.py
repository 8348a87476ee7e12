"""The training loss as fairseq registers it: noising, masked tokens and target length."""

import math
from dataclasses import dataclass, field
from typing import Any, Dict, List, Tuple

import torch
from fairseq import utils
from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.dataclass import ChoiceEnum
from fairseq.logging import metrics
from torch import Tensor

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.plugin.dictionary import MaskedDictionary
from fairseq_cmlm.plugin.training_dtype import TrainingDtypeConfig, is_reduced
from fairseq_cmlm.training.masked_loss import length_loss, token_loss
from fairseq_cmlm.training.noising import NOISINGS, Example


@dataclass
class CMLMLossConfig(TrainingDtypeConfig):
    """Options of `--criterion cmlm_loss`."""

    label_smoothing: float = field(default=0.1, metadata={"help": "label smoothing of the tokens; the length has none"})
    length_loss_factor: float = field(default=1.0, metadata={"help": "weight of a sentence's length against a token"})
    noising: ChoiceEnum(sorted(NOISINGS)) = field(  # type: ignore[valid-type]
        default="uniform", metadata={"help": "which target tokens are masked"}
    )


@register_criterion("cmlm_loss", dataclass=CMLMLossConfig)
class CMLMLoss(FairseqCriterion):
    """Label-smoothed loss of the masked tokens plus the loss of the length (paper, sections 3.2 and 3.3).

    Both are sums, and the sample size is the number of masked tokens. So splitting a batch over updates or processes
    gives the gradient of the whole; the length weighs, as in the released code, one token a sentence.
    """

    def __init__(
        self,
        task: Any,
        label_smoothing: float,
        length_loss_factor: float,
        noising: str,
        training_dtype: str = "float32",
        fp16: bool = False,
        bf16: bool = False,
        amp: bool = False,
    ) -> None:
        super().__init__(task)
        if not isinstance(task.target_dictionary, MaskedDictionary):
            raise OptionError("--criterion cmlm_loss needs --task translation_cmlm")
        if not 0 <= label_smoothing < 1:
            raise OptionError(f"--label-smoothing {label_smoothing} must be at least 0 and below 1")
        self.reduced = is_reduced(training_dtype, fp16, bf16, amp)
        self.label_smoothing = label_smoothing
        self.length_loss_factor = length_loss_factor
        self.noising = NOISINGS[noising]
        self.mask = task.target_dictionary.mask_index

    def forward(self, model: Any, sample: Dict[str, Any], reduce: bool = True) -> Tuple[Tensor, int, Dict[str, Any]]:
        """Loss (scalar, natural log), sample size (masked tokens) and logged sums of a batch with "noise_keys"."""
        target = sample["target"]
        fillable = target.ne(self.padding_idx)
        views = self.noising(Example(target, fillable, sample["noise_keys"], self.mask))
        # The views of a sentence lie side by side, as its length candidates do in decoding.
        predict = torch.stack([view.predict for view in views], dim=1).flatten()
        canvas = torch.stack([view.canvas for view in views], dim=1).flatten(0, 1)
        positions = predict.nonzero().squeeze(1)
        # Here and not in the task's train_step, where fairseq switches autocast off again for CUDA.
        with torch.autocast(canvas.device.type, torch.bfloat16, enabled=self.reduced):
            logits, length_logits = model(sample["net_input"]["src_tokens"], canvas, positions)

        gold = target.repeat_interleave(len(views), dim=0).flatten()[positions]
        tokens = token_loss(logits, gold, self.label_smoothing)
        length = length_loss(length_logits, fillable.sum(1))
        loss = tokens.smoothed + self.length_loss_factor * length.nll
        sample_size = positions.numel()
        return (
            loss,
            sample_size,
            {
                "loss": loss.detach(),
                "nll_loss": tokens.nll.detach(),
                "length_loss": length.nll.detach(),
                "length_correct": length.correct.detach(),
                "nmasked": sample_size,
                "ntokens": sample["ntokens"],
                "nsentences": target.size(0),
                "sample_size": sample_size,
            },
        )

    @classmethod
    def reduce_metrics(cls, logging_outputs: List[Dict[str, Any]]) -> None:
        """Log the losses in base 2, as fairseq does: a token's, but a sentence's for the length."""

        def total(key: str) -> Any:
            return utils.item(sum(log.get(key, 0) for log in logging_outputs))

        masked, sentences = total("nmasked"), total("nsentences")
        metrics.log_scalar("loss", total("loss") / masked / math.log(2), masked, round=3)
        metrics.log_scalar("nll_loss", total("nll_loss") / masked / math.log(2), masked, round=3)
        metrics.log_derived("ppl", lambda meters: utils.get_perplexity(meters["nll_loss"].avg))
        metrics.log_scalar("length_loss", total("length_loss") / sentences / math.log(2), sentences, round=3)
        metrics.log_scalar("length_accuracy", 100 * total("length_correct") / sentences, sentences, round=1)
        metrics.log_speed("masked_wps", masked, priority=90, round=1)

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        """Every entry is a sum."""
        return True
