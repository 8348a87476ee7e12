"""Decoding a batch: length candidates or templates, refinement, and the choice of the candidate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Optional, Protocol, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.candidates import Halving, best_first, length_bonus, mean_log_probability
from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.loop import Plan, Refined, refine
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.search import SEARCH_ORDERS, search
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.template import Start
from fairseq_cmlm.decoding.tokens import Symbols
from fairseq_cmlm.decoding.trace import Trace
from fairseq_cmlm.inference.predictor import Predictor, refuse_nan
from fairseq_cmlm.inference.start import Inputs, Job, start_of_job
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.encoder import Encoded, Encoder
from fairseq_cmlm.sentence_random import derived_keys, text_keys


class EncoderDecoder(Protocol):
    """What inference needs of a network."""

    encoder: Encoder
    decoder: Decoder


@dataclass(frozen=True)
class Candidates:
    """The decoded candidates of B sentences, K each, best first; on the host.

    tokens, log_probs  (B, K, T)
    fillable           (B, K, T) bool, what was not given
    lengths, passes    (B, K) int64; lengths count all tokens and `</s>`
    scores             (B, K), natural log; -inf for a candidate that the length model excludes or that was given up
    rows               (B, K) int64, the rows of the trace
    """

    tokens: Tensor
    log_probs: Tensor
    fillable: Tensor
    lengths: Tensor
    passes: Tensor
    scores: Tensor
    rows: Tensor


@torch.no_grad()
def decode(
    networks: Sequence[EncoderDecoder],
    inputs: Inputs,
    decoding: Decoding,
    symbols: Symbols,
    trace: Optional[Trace] = None,
) -> Candidates:
    """Decode a batch with one network, or several whose probabilities are averaged.

    trace  receives every pass
    """
    job = Job(inputs, decoding, symbols)
    encoded = [network.encoder(inputs.source) for network in networks]
    for network, one in zip(networks, encoded):
        refuse_nan(one.length_logits, network.encoder)
    start = start_of_job(encoded, job)
    lengths, log_probs = start.candidates
    bonus = length_bonus(log_probs, lengths, decoding.length_prior)
    decoders = [network.decoder for network in networks]
    refined = _refine(decoders, encoded, start, bonus, job, trace)
    scores = mean_log_probability(refined.log_probs, start.canvas.fillable).view_as(bonus) + bonus
    refuse_nan(scores, decoders[0])
    return _ranked(start.canvas, refined, scores)


def _refine(
    decoders: Sequence[Decoder],
    encoded: Sequence[Encoded],
    start: Start,
    bonus: Tensor,
    job: Job,
    trace: Optional[Trace],
) -> Refined:
    """Decode the candidates, with the `bonus` (B, K) of each, as N = B * K rows."""
    inputs, decoding, symbols = job
    rules, size = decoding.rules, bonus.size(1)
    allowed = (rules.allowed_in_search if decoding.searches else rules.allowed)(symbols)
    allowed = replace(allowed, sets=inputs.token_sets)
    canvas = start.canvas
    if decoding.searches:
        predictor = Predictor(decoders, encoded, size * decoding.beam, allowed)
        return search(predictor, canvas, SEARCH_ORDERS[decoding.strategy], decoding.beam, symbols.mask, trace)
    strategy = STRATEGIES[decoding.strategy]
    plan = Plan(
        strategy,
        total=decoding.passes(canvas.fillable.sum(1).cpu()),
        count=partial(rules.remasked_count, decoding.schedule),
        rules=decoding.stopping_rules(),
        halving=None if decoding.halve_candidates is None else Halving(bonus, decoding.halve_candidates),
        keys=_row_keys(inputs.source, start, symbols.pad) if strategy.random else None,
    )
    return refine(Predictor(decoders, encoded, size, allowed), canvas, plan, symbols.mask, trace)


def _row_keys(source: Tensor, start: Start, pad: int) -> Tensor:
    """Return random keys (N,) that depend on a row's source text and on which candidate it is."""
    keys = text_keys(0, source, source.ne(pad))
    size = start.candidates.lengths.size(1)
    return torch.stack([derived_keys(keys, k) for k in range(size)], dim=1).flatten()


def _ranked(canvas: Canvas, refined: Refined, scores: Tensor) -> Candidates:
    """Return the candidates of each sentence, best first."""
    order = best_first(scores).cpu()
    rows = order + torch.arange(len(order))[:, None] * order.size(1)
    return Candidates(
        tokens=refined.tokens.cpu()[rows],
        log_probs=refined.log_probs.cpu()[rows],
        fillable=canvas.fillable.cpu()[rows],
        lengths=canvas.real.sum(1).cpu()[rows],
        passes=refined.passes[rows],
        scores=scores.cpu().gather(1, order),
        rows=rows,
    )
