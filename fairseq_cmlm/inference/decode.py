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
from fairseq_cmlm.decoding.verification import verify
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.inference.captured import CapturedPasses, CapturedPredictor
from fairseq_cmlm.inference.pool import Hypotheses, Pool, Searcher, pool_of
from fairseq_cmlm.inference.predictor import Predictor
from fairseq_cmlm.inference.readers import NOBODY, Choice, Judge, Judges, Readers
from fairseq_cmlm.inference.source_attention import with_attention
from fairseq_cmlm.inference.start import Inputs, Job, empty_sources, length_distribution, start_of_job
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.encoder import Encoded, Encoder
from fairseq_cmlm.sentence_random import derived_keys, text_keys

# Tokens with `</s>` at which fairseq's search ends at the latest, unless told otherwise; a long source allows more.
_LONGEST_SEARCH = 201


class EncoderDecoder(Protocol):
    """The network as inference sees it."""

    encoder: Encoder
    decoder: Decoder
    heads: nn.ModuleDict


@dataclass(frozen=True)
class Candidates:
    """The decoded candidates of B sentences, K each, best first; on the host.

    tokens, log_probs  (B, K, T)
    fillable           (B, K, T) bool, true for tokens that the user did not give
    lengths, passes    (B, K) int64; lengths count all tokens and `</s>`; passes that wrote the candidate
    sentence_passes    (B,) int64, passes made one after the other for the sentence: those of the best candidate, and
                       where hypotheses of a search were added those of both parts, whichever is chosen
    scores             (B, K), the ranking; -inf for a candidate that the length model excludes or that was given up
    parts              name -> scores (B, K) of a chooser; `confidence` is always there
    bonus              (B, K), the length's part in the score, natural log; -inf where the length model excludes it
    numbers            (B, K) int64, each candidate's place before ranking: length candidates first, then hypotheses
    """

    tokens: Tensor
    log_probs: Tensor
    fillable: Tensor
    lengths: Tensor
    passes: Tensor
    sentence_passes: Tensor
    scores: Tensor
    parts: dict[str, Tensor]
    bonus: Tensor
    numbers: Tensor


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
    """Decode a batch with one network, or with the averaged probabilities of several.

    trace     receives every pass
    judges    other models that plan or compare
    captured  replays passes whose shape was decoded before
    """
    job = Job(inputs, decoding, symbols)
    if inputs.templates is not None or inputs.draft is not None:
        _refuse_search(judges)
    encoded = [network.encoder(inputs.source) for network in networks]
    if judges.verifier is not None:
        return _verified(judges.verifier, networks, encoded, job)
    start = start_of_job(encoded, job)
    sizes = start.canvas.real.sum(1).view_as(start.log_probs)
    bonus = length_bonus(start.log_probs, sizes, decoding.length_prior)
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
    mean = mean_log_probability(refined.log_probs, start.canvas.fillable, start.canvas.real)
    own = mean.view_as(bonus) + bonus
    predictor.refuse_nan(own)
    if trace is not None:
        trace.fetch()
    canvas = replace(start.canvas, tokens=refined.tokens, log_probs=refined.log_probs)
    pool = Pool(canvas, refined.passes, own, bonus)
    if judges.searcher is not None:
        pool = pool.joined(_searched(judges.searcher, encoded, job), symbols.pad)
        size = pool.own.size(1)
        readers = Readers(inputs.source, size, Predictor(decoders, encoded, size, _allowed(job)), judges, symbols)
    return _ranked(pool, readers.compare(pool.canvas, pool.own, pool.bonus, decoding.weights))


def _refuse_search(judges: Judges) -> None:
    """Raise an OptionError for a judge that searches from left to right, where words are given."""
    for flag, judge in {"--search-with": judges.searcher, "--verify-with": judges.verifier}.items():
        if judge is not None:
            raise OptionError(
                f"{flag} cannot be combined with given words, blanks or a canvas to go on from: a search from left to "
                "right would not keep them. Leave it out"
            )


def _verified(verifier: Judge, networks: Sequence[EncoderDecoder], encoded: Sequence[Encoded], job: Job) -> Candidates:
    """Return the greedy search of an autoregressive model, the one candidate; that of an empty source is empty.

    A search that goes round in circles ends at fairseq's own limit or twice the source, whichever is more.
    """
    source, pad, size = job.inputs.source, job.symbols.pad, job.decoding.length_beam
    lengths = length_distribution(encoded, job.decoding)
    predictor = Predictor([network.decoder for network in networks], encoded, size, _allowed(job))
    empty = empty_sources(source, pad)
    longest = source.ne(pad).sum(1).mul(2).clamp(_LONGEST_SEARCH, lengths.size(1) - 1).masked_fill(empty, 1)
    found = verify(predictor, verifier.prefer(source, size), lengths, longest, size, job.symbols)
    tokens, log_probs = found.tokens, found.log_probs.masked_fill(empty[:, None], 0.0)
    pool = pool_of(Hypotheses(tokens[:, None], log_probs[:, None]), lengths, job.decoding.length_prior, pad)
    pool = pool._replace(passes=found.passes)
    predictor.refuse_nan(pool.own)
    return _ranked(pool, Choice(pool.own, {"confidence": pool.own}))


def _searched(searcher: Searcher, encoded: Sequence[Encoded], job: Job) -> Pool:
    """Return the hypotheses of an autoregressive model; an empty source has none."""
    source, pad = job.inputs.source, job.symbols.pad
    found = searcher.search(source)
    found = found._replace(tokens=found.tokens.masked_fill(empty_sources(source, pad)[:, None, None], pad))
    return pool_of(found, length_distribution(encoded, job.decoding), job.decoding.length_prior, pad)


def _allowed(job: Job) -> AllowedTokens:
    """Return the tokens that may be predicted."""
    rules = job.decoding.rules
    allowed = (rules.allowed_in_search if job.decoding.searches else rules.allowed)(job.symbols)
    return replace(allowed, sets=job.inputs.token_sets)


def _refine(
    predictor: Predictor, canvas: Canvas, job: Job, plan_of: Callable[[Canvas], Plan], trace: Optional[Trace]
) -> Refined:
    """Decode the candidates, N = B * K rows: by a search over single tokens, as a whole, or block by block."""
    decoding, mask = job.decoding, job.symbols.mask
    if decoding.searches:
        return search(predictor, canvas, SEARCH_ORDERS[decoding.strategy], decoding.beam, mask, trace)
    if decoding.block_length is None:
        plan, draft = plan_of(canvas), job.inputs.draft
        # A draft that has had all its passes gets one more for its masked tokens.
        done = 0 if draft is None else min(draft.done, int(plan.total[0]) - 1)
        return refine(predictor, canvas, plan, mask, trace, done)
    return refine_in_blocks(predictor, canvas, plan_of, decoding.block_length, mask, trace)


def plan_of(decoding: Decoding, canvas: Canvas, words: int) -> Plan:
    """Return the plan that the options make for `canvas` and a vocabulary of so many words."""
    strategy = STRATEGIES[decoding.strategy]
    return Plan(
        strategy,
        total=decoding.passes(canvas.fillable.sum(1).cpu()),
        count=partial(decoding.rules.remasked_count, decoding.schedule),
        schedule=decoding.schedule,
        order=ORDERS[decoding.order],
        rules=stopping_rules(decoding, words),
        draw=decoding.draw,
        eta=(strategy.eta or 0.0) if decoding.eta is None else decoding.eta,
        rewrite_above=rewrite_above(decoding, words),
    )


def _plan(start: Start, bonus: Tensor, job: Job, readers: Readers, words: int, canvas: Canvas) -> Plan:
    """Return the plan for `canvas`, all of the start's or a block of it, and a vocabulary of so many words."""
    decoding, plan = job.decoding, plan_of(job.decoding, canvas, words)
    strategy = plan.strategy
    if decoding.planned and not strategy.rewrites:
        strategy = replace(strategy, rereads=False)  # the planner reads what stands
    draws = strategy.random or decoding.draw is not None
    # A template alone may have more fillings than the others of its batch, or fewer.
    asked = bonus.size(1) if job.inputs.templates is None else decoding.length_beam
    return replace(
        plan,
        strategy=strategy,
        halving=None if decoding.halve_candidates is None else Halving(bonus, decoding.halve_candidates, asked),
        keys=_row_keys(job, start) if draws else None,
        planner=partial(readers.plan, decoding.plan_by) if decoding.planned else None,
    )


def _row_keys(job: Job, start: Start) -> Tensor:
    """Return random keys (N,) that depend on the seed, a row's source text and its candidate number."""
    source = job.inputs.source
    keys = text_keys(job.decoding.seed, source, source.ne(job.symbols.pad))
    size = start.log_probs.size(1)
    return torch.stack([derived_keys(keys, k) for k in range(size)], dim=1).flatten()


def _ranked(pool: Pool, choice: Choice) -> Candidates:
    """Return the candidates of each sentence, best first."""
    order = best_first(choice.scores).cpu()
    rows = order + torch.arange(len(order))[:, None] * order.size(1)
    passes, of_all = pool.passes[rows], pool.passes_of_all()
    return Candidates(
        tokens=pool.canvas.tokens.cpu()[rows],
        log_probs=pool.canvas.log_probs.cpu()[rows],
        fillable=pool.canvas.fillable.cpu()[rows],
        lengths=pool.canvas.real.sum(1).cpu()[rows],
        passes=passes,
        sentence_passes=passes[:, 0] if of_all is None else of_all,
        scores=choice.scores.cpu().gather(1, order),
        parts={name: part.cpu().gather(1, order) for name, part in choice.parts.items()},
        bonus=pool.bonus.cpu().gather(1, order),
        numbers=order,
    )
