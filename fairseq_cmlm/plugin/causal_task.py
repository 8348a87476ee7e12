"""Left-to-right decoding of a hybrid model by fairseq's own beam search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence

import torch
from fairseq.tasks import register_task
from torch import Tensor

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.inference.start import empty_sources
from fairseq_cmlm.options import declared, flag_of
from fairseq_cmlm.plugin.causal_model import CausalModel, causal_objectives
from fairseq_cmlm.plugin.foreign_options import FOREIGN_OPTIONS
from fairseq_cmlm.plugin.long_texts import LongTexts
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.plugin.task import TranslationCMLMConfig, TranslationCMLMTask

NAME = "translation_cmlm_causal"
# Options of fairseq that mean nothing to mask-predict but work in left-to-right search.
_OF_THE_SEARCH = (
    *("lenpen", "unnormalized", "unkpen", "min_len", "max_len_a", "max_len_b", "no_repeat_ngram_size"),
    *("sampling", "sampling_topk", "sampling_topp", "temperature", "diversity_rate"),
    *("match_source_len", "no_early_stop"),
)
_OF_REFINEMENT = ("retain_iter_history", "print_step")


@dataclass
class TranslationCMLMCausalConfig(TranslationCMLMConfig):
    """Options of `--task translation_cmlm_causal`."""


@register_task(NAME, dataclass=TranslationCMLMCausalConfig)
class TranslationCMLMCausalTask(TranslationCMLMTask):
    """A task that decodes a model of `--objective hybrid` as fairseq decodes an autoregressive one."""

    _long = LongTexts(None)

    def build_criterion(self, cfg: Any, from_checkpoint: bool = False) -> Any:
        """Refuse to train."""
        raise OptionError(f"--task {NAME} decodes: train with --task translation_cmlm --objective hybrid")

    def build_generator(self, models: Sequence[Any], args: Any, *others: Any, **named: Any) -> Any:
        """Build fairseq's SequenceGenerator over the causal mode of the models."""
        self._check(models, args)
        self._long = LongTexts(self.longest)
        mask = self.target_dictionary.mask_index
        causal = [CausalModel(model, mask) for model in models]
        return super(TranslationCMLMTask, self).build_generator(causal, args, *others, **named)

    def inference_step(
        self,
        generator: Any,
        models: Sequence[Any],
        sample: dict[str, Any],
        prefix_tokens: Optional[Tensor] = None,
        constraints: Optional[Any] = None,
    ) -> list[list[dict[str, Any]]]:
        """Return what fairseq's search finds; an empty line stays empty, unless its target has a beginning."""
        found: list[list[dict[str, Any]]] = super().inference_step(
            generator, models, sample, prefix_tokens, constraints
        )
        source = sample["net_input"]["src_tokens"]
        if prefix_tokens is None:
            empty = empty_sources(source, self.source_dictionary.pad())
            for sentence in empty.nonzero().squeeze(1).tolist():
                found[sentence] = [_only_the_end(found[sentence][0])]
        self._long.warn(source.size(1), max(len(best["tokens"]) for best, *_ in found))
        return found

    def _check(self, models: Sequence[CMLMModel], args: Any) -> None:
        """Raise an OptionError for a model not trained from left to right, or for an option that has no effect."""
        fit = causal_objectives()
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
        for name in _OF_REFINEMENT:
            if getattr(args, name, False):
                _refuse(f"--{name.replace('_', '-')}")


def _only_the_end(hypothesis: dict[str, Any]) -> dict[str, Any]:
    """Return a hypothesis of fairseq's search without words: `</s>` is certain there."""
    certain = torch.zeros_like(hypothesis["positional_scores"][-1:])
    return {**hypothesis, "tokens": hypothesis["tokens"][-1:], "score": certain[0], "positional_scores": certain}


def _refuse_decoding_options(given: Mapping[str, Any], infill: bool) -> None:
    """Raise an OptionError for the first mask-predict option among those `given`, by field name."""
    for one in declared(Decoding):
        if one.name in given:
            _refuse(f"{flag_of(one)} {given[one.name]}")
    if infill:
        _refuse("--infill")


def _refuse(option: str) -> None:
    raise OptionError(f"{option} is not for --task {NAME}, a search from left to right: leave it out")
