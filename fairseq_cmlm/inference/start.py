"""The start of decoding: the lengths, and the first canvas of each candidate."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple, Optional, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import Canvas, fully_masked
from fairseq_cmlm.decoding.draft import start_of_draft
from fairseq_cmlm.decoding.lengths import LengthCandidates, as_log_probs, equally_likely, length_log_probs, scaled
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.template import Start, Template, fillings, start_of
from fairseq_cmlm.decoding.tokens import Symbols, average
from fairseq_cmlm.decoding.transfer import sent
from fairseq_cmlm.draft import Draft
from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.model.encoder import Encoded


@dataclass(frozen=True)
class Inputs:
    """The inputs of a batch of B sentences.

    source        (B, S) int64
    gold_lengths  (B,) int64, the references' lengths with `</s>`; for --gold-target-length
    templates     templates of the targets, if the user has fixed some words
    token_sets    (A, V) bool, the token sets that the templates' blanks name
    draft         draft of the target to go on from, for a batch of one sentence
    """

    source: Tensor
    gold_lengths: Optional[Tensor] = None
    templates: Optional[Sequence[Template]] = None
    token_sets: Optional[Tensor] = None
    draft: Optional[Draft] = None


class Job(NamedTuple):
    """A batch to decode: its inputs, the decoding options, and the control symbols of the target."""

    inputs: Inputs
    decoding: Decoding
    symbols: Symbols


def start_of_job(encoded: Sequence[Encoded], job: Job) -> Start:
    """Choose the lengths of the candidates, and lay out their first canvas."""
    log_probs = length_distribution(encoded, job.decoding)
    longest = log_probs.size(1) - 1
    if job.inputs.draft is not None:
        _check_draft(job.inputs.draft, job.decoding, longest)
        return start_of_draft(job.inputs.draft, log_probs)
    if job.inputs.templates is not None:
        return _with_templates(log_probs, job.inputs.templates, job)
    candidates = _length_candidates(log_probs, job)
    canvas = fully_masked(candidates.lengths.flatten(), job.symbols.pad, job.decoding.rules.last_set)
    return Start(canvas, candidates.log_probs)


def _check_draft(draft: Draft, decoding: Decoding, longest: int) -> None:
    """Raise an error for a draft that cannot be gone on from."""
    if len(draft.tokens) > longest:
        raise TextError(
            f"the target has {len(draft.tokens)} tokens (</s> counts), and the model writes at most {longest}: shorten "
            "it"
        )
    strategy = None if decoding.searches else STRATEGIES[decoding.strategy]
    if strategy is not None and strategy.keeps_count and not strategy.rereads and decoding.order != "probability":
        raise OptionError(
            f"--decoding-order {decoding.order} cannot go on with {decoding.strategy}: of the tokens that stand only "
            "the probabilities are known. Leave it out, or take without_remasking"
        )


def length_distribution(encoded: Sequence[Encoded], decoding: Decoding) -> Tensor:
    """Return the log-probabilities (B, L) of the lengths, with `</s>`: what all models of an ensemble can decode."""
    longest = min(one.length_logits.size(1) for one in encoded) - 1
    log_probs = average([length_log_probs(one.length_logits[:, : longest + 1]) for one in encoded])
    return scaled(log_probs, decoding.length_scale)


def _length_candidates(log_probs: Tensor, job: Job) -> LengthCandidates:
    """Return the lengths to decode, by the policy of the options; log_probs (B, L)."""
    inputs, decoding, longest = job.inputs, job.decoding, log_probs.size(1) - 1
    if decoding.gold_target_length:
        if inputs.gold_lengths is None:
            raise OptionError("--gold-target-length needs data with references, and there are none")
        return decoding.rules.around_gold(inputs.gold_lengths, decoding.length_beam, longest)
    if decoding.length_budget is not None:
        if decoding.length_budget >= longest:
            raise OptionError(
                f"--length-budget {decoding.length_budget} does not fit: the model decodes at most {longest - 1} tokens"
            )
        length = torch.full((len(log_probs), 1), decoding.length_budget + 1, device=log_probs.device)
        return equally_likely(length.masked_fill(empty_sources(inputs.source, job.symbols.pad)[:, None], 1))
    return decoding.rules.predicted(log_probs, decoding.length_beam, empty_sources(inputs.source, job.symbols.pad))


def empty_sources(source: Tensor, pad: int) -> Tensor:
    """Tell which of the sources (B, S) have no words, (B,) bool: their translations are empty."""
    return source.ne(pad).sum(1) <= 1


def _with_templates(log_probs: Tensor, templates: Sequence[Template], job: Job) -> Start:
    """Size the blanks of the templates by the log-probabilities (B, L) of the total length, and lay them out."""
    if job.decoding.original:
        raise OptionError("--original-decoding has no blanks or prompts: the released code cannot fill in")
    longest, budget = log_probs.size(1) - 1, job.decoding.length_budget
    if job.decoding.gold_target_length:
        log_probs = as_log_probs(_length_candidates(log_probs, job), longest)
    if budget is not None:
        templates = [template.with_budget(budget) for template in templates]
    choices = [fillings(template, one, job.decoding.length_beam) for template, one in zip(templates, log_probs.cpu())]
    for template, found in zip(templates, choices):
        if not found:
            raise TextError(
                f"{template.place} cannot be met: {template.given} given tokens, {len(template.blanks)} blanks and "
                f"</s> must fit into {longest} tokens, and the blanks into the lengths that are decoded"
            )
    start, device = start_of(templates, choices, job.symbols.pad, job.symbols.eos), log_probs.device
    canvas = Canvas(*(sent(getattr(start.canvas, one.name), device) for one in fields(Canvas)))
    return Start(canvas, sent(start.log_probs, device))
