"""Spans: which stretch of a given text is the best target, the likeliest for its length.

All spans are compared by the predictions on the fully masked canvas of their length, one decoder pass for all lengths.
The best are compared again by several passes, each of which reads the tokens of the passes before it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from fairseq_cmlm.decoding.lengths import length_log_probs
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.inference.divergence import refuse_nan
from fairseq_cmlm.model.network import Encoding, Network


class Context(NamedTuple):
    """The texts of B questions, in which the spans lie.

    tokens   (B, C) int64, ids of the target vocabulary, padded
    allowed  (B, C) bool, tokens that may be in a span
    begins   (B, C) bool, tokens that may begin one
    ends     (B, C) bool, tokens that may end one
    """

    tokens: Tensor
    allowed: Tensor
    begins: Tensor
    ends: Tensor


class Spans(NamedTuple):
    """The K best spans of each of B contexts, best first, as (B, K).

    first   the place of the first token
    size    the number of tokens; 0 where a context has fewer spans
    scores  log-likelihood over a power of the length, see `Search`, natural log; -inf where there is no span
    """

    first: Tensor
    size: Tensor
    scores: Tensor


class Search(NamedTuple):
    """The options of a search for spans.

    longest  most tokens of a span
    kept     number of spans to compare again
    passes   number of passes for that, each of which reads a further part of the tokens; 1 for no second comparison
    lenpen   length penalty from 0 to 10, as in beam search: the log-likelihood of tokens, `</s>` and length is divided
             by the number of tokens and `</s>` to this power; with 0 a model that is unsure prefers single words
    """

    longest: int = 20
    kept: int = 50
    passes: int = 4
    lenpen: float = 1.0

    def check(self, prefix: str = "") -> None:
        """Raise an OptionError for a number out of bounds; `prefix` stands before its name."""
        for name, number in self._asdict().items():
            least, most = (0, 10) if name == "lenpen" else (1, math.inf)
            if not least <= number <= most:  # nor is NaN
                bounds = f"from {least} to {most}" if math.isfinite(most) else f"{least} or more"
                raise OptionError(f"{prefix}{name} {number} of a search among spans must be {bounds}")


@torch.no_grad()
def best_spans(network: Network, source: Tensor, context: Context, search: Search, mask: int, eos: int) -> Spans:
    """Return the best spans in the contexts of the sources (B, S). NaN is a ModelError."""
    encoding = network.encode(source)
    longest = min(search.longest, context.tokens.size(1), encoding.encoded.length_logits.size(1) - 2)
    if longest < 1:  # no context has a token
        nothing = torch.zeros(len(source), 1, dtype=torch.long, device=source.device)
        return Spans(nothing, nothing, torch.full(nothing.shape, -torch.inf, device=source.device))
    lengths = length_log_probs(encoding.encoded.length_logits)[:, 2 : longest + 2]
    scores = factorised_scores(network, encoding, context.tokens, longest, mask, eos) + lengths[:, :, None]
    refuse_nan([scores], [network])
    sizes = torch.arange(1, longest + 1, device=source.device)[:, None]
    scores = _penalised(scores, sizes, search.lenpen)
    spans = _best(scores.masked_fill(~_possible(context, longest), -torch.inf), context.tokens, search.kept)
    if search.passes == 1:
        return spans
    bonus = lengths.gather(1, (spans.size - 1).clamp(min=0))
    targets = _targets(context.tokens, spans, network.decoder.pad, eos)
    again = log_likelihoods(network, encoding, targets, search.passes, mask) + bonus
    again = _penalised(again, spans.size, search.lenpen)
    scores, order = again.masked_fill(spans.size == 0, -torch.inf).sort(dim=1, descending=True, stable=True)
    return Spans(spans.first.gather(1, order), spans.size.gather(1, order), scores)


def factorised_scores(
    network: Network, encoding: Encoding, tokens: Tensor, longest: int, mask: int, eos: int
) -> Tensor:
    """Return the log-probability of every span as (B, n, C): n + 1 tokens from place c of the context (B, C).

    Tokens are predicted on the fully masked canvas of the span's length, `</s>` included. Spans that would run past the
    end count only the tokens that are left.
    """
    texts, places = tokens.shape
    width = longest + 1
    columns = torch.arange(width, device=tokens.device)
    masked = columns <= torch.arange(1, longest + 1, device=tokens.device)[:, None]
    canvas = torch.where(masked, mask, network.decoder.pad).repeat(texts, 1)
    positions = masked.repeat(texts, 1).flatten().nonzero().squeeze(1)
    wanted = torch.cat([tokens, tokens.new_full((texts, 1), eos)], dim=1)
    found = tokens.new_zeros(texts * longest * width, places + 1, dtype=torch.float32)
    found[positions] = network.log_probs(
        network.states(encoding, canvas, positions), wanted[positions // (longest * width)]
    )
    table = found.view(texts, longest, width, places + 1)
    rows = torch.arange(longest, device=tokens.device)
    scores = table[:, rows, rows + 1, -1][:, :, None].repeat(1, 1, places)
    for i in range(longest):
        scores[:, i:, : places - i] += table[:, i:, i, i:-1]
    return scores


def log_likelihoods(network: Network, encoding: Encoding, targets: Tensor, passes: int, mask: int) -> Tensor:
    """Return the log-likelihood (B, K) of targets (B, K, T), padded, read in `passes` passes.

    Pass r predicts every `passes`-th token from the r-th on, given those of earlier passes. With as many passes as
    tokens the chain is exact; with fewer, the tokens of one pass are treated as independent.
    """
    rows = targets.flatten(0, 1)
    real = rows.ne(network.decoder.pad)
    group = torch.arange(rows.size(1), device=rows.device) % passes
    total = torch.zeros(rows.shape, device=rows.device)
    for number in range(min(passes, rows.size(1))):
        canvas = rows.masked_fill(real & (group >= number), mask)
        positions = (real & (group == number)).flatten().nonzero().squeeze(1)
        states = network.states(encoding, canvas, positions)
        total.view(-1)[positions] = network.log_probs(states, rows.flatten()[positions, None]).squeeze(1)
    return total.sum(1).view(targets.shape[:2])


def _penalised(scores: Tensor, sizes: Tensor, lenpen: float) -> Tensor:
    """Return log-likelihoods of spans of so many tokens, divided by a power of their lengths with `</s>`."""
    return scores / (sizes + 1).to(scores) ** lenpen


def _possible(context: Context, longest: int) -> Tensor:
    """Return which spans (B, n, C), of n + 1 tokens, are possible."""
    texts, places = context.tokens.shape
    found = context.begins.new_zeros(texts, longest, places)
    unbroken = context.begins.new_ones(texts, places)
    for n in range(longest):
        unbroken = unbroken[:, : places - n] & context.allowed[:, n:]
        found[:, n, : places - n] = unbroken & context.begins[:, : places - n] & context.ends[:, n:]
    return found


def _best(scores: Tensor, tokens: Tensor, kept: int) -> Spans:
    """Return the best of the spans with scores (B, n, C); of spans with equal tokens, the first."""
    places = tokens.size(1)
    found = []
    for score, row in zip(scores.flatten(1).cpu(), tokens.tolist()):
        best: dict[tuple[int, ...], tuple[int, int, float]] = {}
        values, order = score.sort(descending=True, stable=True)
        for value, place in zip(values.tolist(), order.tolist()):
            if value == float("-inf") or len(best) == kept:
                break
            size, first = place // places + 1, place % places
            best.setdefault(tuple(row[first : first + size]), (first, size, value))
        found.append([*best.values(), *[(0, 0, float("-inf"))] * (kept - len(best))])
    table = torch.tensor(found, dtype=torch.float64, device=tokens.device)
    return Spans(table[:, :, 0].long(), table[:, :, 1].long(), table[:, :, 2].float())


def _targets(tokens: Tensor, spans: Spans, pad: int, eos: int) -> Tensor:
    """Return the spans as targets (B, K, T) with `</s>`, padded."""
    width = int(spans.size.max()) + 1
    column = torch.arange(width, device=tokens.device)
    places = (spans.first[:, :, None] + column).clamp(max=tokens.size(1) - 1)
    found = tokens[:, None].expand(-1, places.size(1), -1).gather(2, places)
    found = found.masked_fill(column >= spans.size[:, :, None], pad)
    return found.masked_fill(column == spans.size[:, :, None], eos)
