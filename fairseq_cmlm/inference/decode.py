"""Decoding a batch: length candidates or templates, refinement, and the choice of the candidate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Callable, Optional, Protocol, Sequence

import torch
from torch import Tensor, nn

from fairseq_cmlm.decoding.blocks import refine_in_blocks
from fairseq_cmlm.decoding.candidates import Halving, best_first, length_bonus, mean_log_probability
from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.loop import Refined, refine
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.order import ORDERS
from fairseq_cmlm.decoding.plan import Plan
from fairseq_cmlm.decoding.search import SEARCH_ORDERS, search
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.template import Start
from fairseq_cmlm.decoding.thresholds import rewrite_above, stopping_rules
from fairseq_cmlm.decoding.tokens import AllowedTokens, Symbols
from fairseq_cmlm.decoding.trace import Trace
from fairseq_cmlm.inference.captured import CapturedPasses, CapturedPredictor
from fairseq_cmlm.inference.predictor import Predictor
from fairseq_cmlm.inference.readers import NOBODY, Choice, Judges, Readers
from fairseq_cmlm.inference.source_attention import with_attention
from fairseq_cmlm.inference.start import Inputs, Job, start_of_job
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.encoder import Encoder
from fairseq_cmlm.sentence_random import derived_keys, text_keys


class EncoderDecoder(Protocol):
    """What inference needs of a network."""

    encoder: Encoder
    decoder: Decoder
    heads: nn.ModuleDict


@dataclass(frozen=True)
class Candidates:
    """The decoded candidates of B sentences, K each, best first; on the host.

    tokens, log_probs  (B, K, T)
    fillable           (B, K, T) bool, what was not given
    lengths, passes    (B, K) int64; lengths count all tokens and `</s>`
    scores             (B, K), by which they are ranked; -inf for one that the length model excludes or was given up
    parts              (B, K) each, the scores of the choosers that were asked, by name: `confidence` always
    bonus              (B, K), the length's part in the score, natural log; -inf where the length model excludes one
    rows               (B, K) int64, the rows of the trace
    """

    tokens: Tensor
    log_probs: Tensor
    fillable: Tensor
    lengths: Tensor
    passes: Tensor
    scores: Tensor
    parts: dict[str, Tensor]
    bonus: Tensor
    rows: Tensor


@torch.no_grad()
def decode(
    networks: Sequence[EncoderDecoder],
    inputs: Inputs,
    decoding: Decoding,
    symbols: Symbols,
    trace: Optional[Trace] = None,
    judges: Judges = NOBODY,
    captured: Optional[CapturedPasses] = None,
) -> Candidates:
    """Decode a batch with one network, or several whose probabilities are averaged.

    trace     receives every pass
    judges    who has a say about the candidates beside the networks
    captured  replays the passes where they have a shape that was decoded before
    """
    job = Job(inputs, decoding, symbols)
    encoded = [network.encoder(inputs.source) for network in networks]
    start = start_of_job(encoded, job)
    lengths, log_probs = start.candidates
    bonus = length_bonus(log_probs, lengths, decoding.length_prior)
    decoders = [network.decoder for network in networks]
    made = (decoders, encoded, bonus.size(1), _allowed(job), [network.heads for network in networks])
    predictor = Predictor(*made) if captured is None else CapturedPredictor(*made, captured=captured)
    readers = Readers(inputs.source, bonus.size(1), predictor, judges, symbols)
    plan_of = partial(_plan, start, bonus, job, readers, predictor.words)
    watched = trace
    if trace is not None:
        trace.candidates = bonus.size(1)
        watched = with_attention(trace, decoders, encoded) if trace.attention else trace
    refined = _refine(predictor, start.canvas, job, plan_of, watched)
    own = mean_log_probability(refined.log_probs, start.canvas.fillable).view_as(bonus) + bonus
    predictor.refuse_nan(own)
    if trace is not None:
        trace.fetch()
    canvas = replace(start.canvas, tokens=refined.tokens, log_probs=refined.log_probs)
    choice = readers.compare(canvas, own, bonus, decoding.weights)
    return _ranked(canvas, refined.passes, choice, bonus)


def _allowed(job: Job) -> AllowedTokens:
    """Return what tokens may be predicted."""
    rules = job.decoding.rules
    allowed = (rules.allowed_in_search if job.decoding.searches else rules.allowed)(job.symbols)
    return replace(allowed, sets=job.inputs.token_sets)


def _refine(
    predictor: Predictor, canvas: Canvas, job: Job, plan_of: Callable[[Canvas], Plan], trace: Optional[Trace]
) -> Refined:
    """Decode the candidates, N = B * K rows: by a search, whole, or block by block."""
    decoding, mask = job.decoding, job.symbols.mask
    if decoding.searches:
        return search(predictor, canvas, SEARCH_ORDERS[decoding.strategy], decoding.beam, mask, trace)
    if decoding.block_length is None:
        plan, draft = plan_of(canvas), job.inputs.draft
        # A draft that has had all its passes gets one more for what is masked.
        done = 0 if draft is None else min(draft.done, int(plan.total[0]) - 1)
        return refine(predictor, canvas, plan, mask, trace, done)
    return refine_in_blocks(predictor, canvas, plan_of, decoding.block_length, mask, trace)


def _plan(start: Start, bonus: Tensor, job: Job, readers: Readers, words: int, canvas: Canvas) -> Plan:
    """Return the plan for `canvas`, all of the start's or a block of it, and a vocabulary of so many words."""
    decoding, strategy = job.decoding, STRATEGIES[job.decoding.strategy]
    if decoding.planned and not strategy.rewrites:
        strategy = replace(strategy, rereads=False)  # the planner reads what stands
    draws = strategy.random or decoding.draw is not None
    return Plan(
        strategy,
        total=decoding.passes(canvas.fillable.sum(1).cpu()),
        count=partial(decoding.rules.remasked_count, decoding.schedule),
        schedule=decoding.schedule,
        order=ORDERS[decoding.order],
        rules=stopping_rules(decoding, words),
        halving=None if decoding.halve_candidates is None else Halving(bonus, decoding.halve_candidates),
        keys=_row_keys(job, start) if draws else None,
        draw=decoding.draw,
        eta=(strategy.eta or 0.0) if decoding.eta is None else decoding.eta,
        rewrite_above=rewrite_above(decoding, words),
        planner=partial(readers.plan, decoding.plan_by) if decoding.planned else None,
    )


def _row_keys(job: Job, start: Start) -> Tensor:
    """Return random keys (N,) that depend on the seed, a row's source text, and which candidate it is."""
    source = job.inputs.source
    keys = text_keys(job.decoding.seed, source, source.ne(job.symbols.pad))
    size = start.candidates.lengths.size(1)
    return torch.stack([derived_keys(keys, k) for k in range(size)], dim=1).flatten()


def _ranked(canvas: Canvas, passes: Tensor, choice: Choice, bonus: Tensor) -> Candidates:
    """Return the candidates of each sentence, best first."""
    order = best_first(choice.scores).cpu()
    rows = order + torch.arange(len(order))[:, None] * order.size(1)
    return Candidates(
        tokens=canvas.tokens.cpu()[rows],
        log_probs=canvas.log_probs.cpu()[rows],
        fillable=canvas.fillable.cpu()[rows],
        lengths=canvas.real.sum(1).cpu()[rows],
        passes=passes[rows],
        scores=choice.scores.cpu().gather(1, order),
        parts={name: part.cpu().gather(1, order) for name, part in choice.parts.items()},
        bonus=bonus.cpu().gather(1, order),
        rows=rows,
    )
