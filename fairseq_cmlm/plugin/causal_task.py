"""Decoding of a hybrid model from left to right, by fairseq's own beam search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence

import torch
from fairseq.tasks import register_task
from torch import Tensor, nn

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.model.network import Encoding
from fairseq_cmlm.options import declared, flag_of
from fairseq_cmlm.plugin.foreign_options import FOREIGN_OPTIONS
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.plugin.task import TranslationCMLMConfig, TranslationCMLMTask
from fairseq_cmlm.training.objectives import OBJECTIVES

NAME = "translation_cmlm_causal"
# Options of fairseq that mean nothing to mask-predict, and that left-to-right search has.
_OF_THE_SEARCH = (
    *("lenpen", "unnormalized", "unkpen", "min_len", "max_len_a", "max_len_b", "no_repeat_ngram_size"),
    *("sampling", "sampling_topk", "sampling_topp", "temperature", "diverse_beam_groups", "diverse_beam_strength"),
    *("diversity_rate", "match_source_len", "no_early_stop"),
)


@dataclass
class TranslationCMLMCausalConfig(TranslationCMLMConfig):
    """Options of `--task translation_cmlm_causal`."""


@register_task(NAME, dataclass=TranslationCMLMCausalConfig)
class TranslationCMLMCausalTask(TranslationCMLMTask):
    """Decodes a model of `--objective hybrid` as fairseq decodes an autoregressive one, with the same options."""

    def build_criterion(self, cfg: Any, from_checkpoint: bool = False) -> Any:
        """Refuse to train."""
        raise OptionError(f"--task {NAME} decodes: train with --task translation_cmlm --objective hybrid")

    def build_generator(self, models: Sequence[Any], args: Any, *others: Any, **named: Any) -> Any:
        """Build fairseq's SequenceGenerator over the causal mode of the models."""
        self._check(models, args)
        mask = self.target_dictionary.mask_index
        causal = [CausalModel(model, mask) for model in models]
        return super(TranslationCMLMTask, self).build_generator(causal, args, *others, **named)

    def _check(self, models: Sequence[CMLMModel], args: Any) -> None:
        """Raise an OptionError for a model that was not trained for this, or an option of no use."""
        fit = [name for name, row in OBJECTIVES.items() if row.causal]
        for model in models:
            if model.objective not in fit:
                raise OptionError(
                    f"--task {NAME} needs a model that was trained with --objective {' or '.join(fit)}, and this one "
                    f"was with {model.objective}: decode it with --task translation_cmlm"
                )
        _refuse_decoding_options(self._given(args), self.cfg.infill)
        for name, (default, _) in FOREIGN_OPTIONS.items():
            value = getattr(args, name, default)
            if name not in _OF_THE_SEARCH and value != default and value is not None:
                _refuse(f"--{name.replace('_', '-')} {value}")


def _refuse_decoding_options(given: Mapping[str, Any], infill: bool) -> None:
    """Raise an OptionError for the first of the options `given` to mask-predict, by field name."""
    for one in declared(Decoding):
        if one.name in given:
            _refuse(f"{flag_of(one)} {given[one.name]}")
    if infill:
        _refuse("--infill")


def _refuse(option: str) -> None:
    raise OptionError(f"{option} is not for --task {NAME}, a search from left to right: leave it out")


class CausalModel(nn.Module):
    """The causal mode of a model in the form in which fairseq's search reads one. Each step reads the whole prefix."""

    def __init__(self, model: CMLMModel, mask: int) -> None:
        super().__init__()
        self.model, self._mask = model, mask
        self.encoder, self.decoder = _Encoder(model), _Decoder(model)

    def max_decoder_positions(self) -> int:
        """The longest target, in tokens with `</s>`."""
        return self.model.max_positions()[1]

    def get_normalized_probs(self, net_output: Any, log_probs: bool, sample: Optional[Any] = None) -> Tensor:
        """Return the probabilities (N, 1, V) float32, or their natural logs; that of the mask symbol is taken away."""
        found: Tensor = net_output[0].float().log_softmax(dim=-1)
        found[..., self._mask] = -torch.inf
        return found if log_probs else found.exp()


class _Encoder:
    def __init__(self, model: CMLMModel) -> None:
        self._model = model

    def forward_torchscript(self, net_input: dict[str, Tensor]) -> Encoding:
        """Encode the source."""
        return self._model.encode(net_input["src_tokens"])

    def reorder_encoder_out(self, encoding: Encoding, order: Tensor) -> Encoding:
        """Return the sentences that the rows `order` (n,) are of."""
        return encoding.of(order)


class _Decoder:
    def __init__(self, model: CMLMModel) -> None:
        self._model = model

    def forward(self, tokens: Tensor, encoder_out: Encoding) -> tuple[Tensor, None]:
        """Return the logits (N, 1, V) of what follows the prefixes `tokens` (N, T), which begin with `</s>`."""
        last = torch.arange(1, len(tokens) + 1, device=tokens.device) * tokens.size(1) - 1
        return self._model.project(self._model.states(encoder_out, tokens, last, causal=True))[:, None], None
