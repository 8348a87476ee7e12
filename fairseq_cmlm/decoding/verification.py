"""Verification: a masked model proposes what follows, an autoregressive one accepts it as far as it would have said so.

The result is the autoregressive model's greedy search, in fewer passes than tokens: one of each model a round (Xia et
al., Speculative Decoding, EMNLP Findings 2023, whose drafter is non-autoregressive too).
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.loop import Predict, query_of
from fairseq_cmlm.decoding.tokens import ANY_WORD, END, Symbols


class Preferred(NamedTuple):
    """The tokens that an autoregressive model would have written at the asked places, given those to their left.

    tokens     (n, T) int64; never what `preferred` bans, nor `</s>` at the first place; elsewhere anything
    log_probs  (n, T) float32, natural log
    """

    tokens: Tensor
    log_probs: Tensor


def preferred(log_probs: Tensor, first: Tensor, banned: Sequence[int], eos: int) -> tuple[Tensor, Tensor]:
    """Return the likeliest token (M,) of each row and its log-probability (M,).

    log_probs  (M, V), natural log; written over
    first      (M,) bool, where `</s>` would make an empty sentence
    banned     ids that are never preferred

    >>> tokens, _ = preferred(torch.tensor([[0.2, 0.5, 0.3]]).log(), torch.tensor([True]), banned=[], eos=1)
    >>> tokens.tolist()
    [2]
    """
    for token in banned:  # a list of them would be copied to the device
        log_probs[:, token] = float("-inf")
    log_probs[:, eos] = log_probs[:, eos].masked_fill(first, float("-inf"))
    best = log_probs.max(1)
    return best.indices, best.values


# (tokens (n, T), asked (n, T) bool, how many are asked, which (n,) of the N = B * K rows) -> what is preferred there
Prefer = Callable[[Tensor, Tensor, int, Tensor], Preferred]


class Verified(NamedTuple):
    """The greedy search of B sentences.

    tokens     (B, T) int64, each with `</s>`, padded
    log_probs  (B, T) float32, natural log, of each token given those to its left, and of the word that a cut replaced
               by `</s>`; 0 at padding
    passes     (B,) int64 on the host, of both models together
    """

    tokens: Tensor
    log_probs: Tensor
    passes: Tensor


def verify(predict: Predict, prefer: Prefer, lengths: Tensor, longest: Tensor, size: int, symbols: Symbols) -> Verified:
    """Return the greedy search of the model behind `prefer`, with proposals of `predict`.

    lengths  (B, L), natural log of the probability of each length
    longest  (B,) int64, tokens with `</s>` at which each sentence ends at the latest, below L
    size     K, proposals of the likeliest lengths that are longer than what is accepted

    A proposal is one pass over the masked rest. Of K the one is taken that is accepted the furthest; the first
    token that is not is replaced by the one that is preferred there, so that each round accepts one or more.

    >>> from fairseq_cmlm.decoding.tokens import Prediction
    >>> def always_7(query):
    ...     return Prediction(torch.where(query.sets == END, 2, 7), torch.zeros(len(query.sets)))
    >>> def end_after_two(tokens, asked, number, rows):
    ...     return Preferred(torch.tensor([[7, 7, 2, 2]])[:, : tokens.size(1)], torch.zeros(tokens.shape))
    >>> lengths, longest = torch.tensor([[0.0, 0.1, 0.1, 0.7, 0.1]]).log(), torch.tensor([4])
    >>> verify(always_7, end_after_two, lengths, longest, 1, Symbols(bos=0, pad=1, eos=2, mask=9)).tokens.tolist()
    [[7, 7, 2, 1]]
    """
    sentences, width = lengths.size(0), int(longest.max())
    possible = torch.arange(lengths.size(1), device=lengths.device) <= longest[:, None]
    lengths = lengths.masked_fill(~possible, float("-inf"))
    tokens = torch.full((sentences, width), symbols.pad, device=lengths.device)
    log_probs = torch.zeros(tokens.shape, device=lengths.device)
    accepted, passes = torch.zeros_like(tokens[:, 0]), torch.zeros(sentences, dtype=torch.long)
    unfinished = torch.arange(sentences, device=lengths.device)
    while len(unfinished):
        canvas = _rest(tokens[unfinished], accepted[unfinished], lengths[unfinished], size, symbols.pad)
        rows = (unfinished[:, None] * size + torch.arange(size, device=lengths.device)).flatten()
        number, counts = int(canvas.real.sum()), canvas.masked.sum(1).cpu()
        asked = query_of(canvas, canvas.masked, counts, number, symbols.mask, rows, size=1)
        predicted = predict(asked)
        proposal = canvas.written(asked.positions, predicted.tokens, predicted.log_probs)
        best = prefer(proposal.tokens, canvas.masked, int(counts.sum()), rows)
        count, ended = _accepted(proposal, best.tokens, accepted[unfinished], symbols.eos, size)
        taken = count.view(-1, size).argmax(1) + torch.arange(len(unfinished), device=lengths.device) * size
        places = torch.arange(best.tokens.size(1), device=lengths.device)
        new = (places >= accepted[unfinished, None]) & (places < count[taken, None])
        shown = slice(0, len(places))
        tokens[unfinished, shown] = torch.where(new, best.tokens[taken], tokens[unfinished, shown])
        log_probs[unfinished, shown] = torch.where(new, best.log_probs[taken], log_probs[unfinished, shown])
        accepted[unfinished] = count[taken]
        passes[unfinished.cpu()] += 2
        unfinished = unfinished[~ended[taken] & (count[taken] < longest[unfinished])]
    # What did not end is cut, as a search is at its greatest length.
    last = longest[:, None] - 1
    cut = torch.where(accepted[:, None] > last, symbols.eos, tokens.gather(1, last))
    return Verified(tokens.scatter(1, last, cut), log_probs, passes)


def _rest(tokens: Tensor, accepted: Tensor, lengths: Tensor, size: int, pad: int) -> Canvas:
    """Return `size` rows of each sentence: the first `accepted` (n,) of its `tokens` (n, T), and masks to a length.

    lengths  (n, L), natural log of their probabilities
    """
    columns = torch.arange(lengths.size(1), device=lengths.device)
    possible = lengths.masked_fill(columns <= accepted[:, None], float("-inf"))
    best = possible.topk(min(size, lengths.size(1)), dim=1)
    # Where fewer are possible the first one is there again, or the next length if none is.
    finite, following = best.values.isfinite(), accepted[:, None] + 1
    first = torch.where(finite[:, :1], best.indices[:, :1], following)
    found = torch.where(finite, best.indices, first)
    found = torch.cat([found, found[:, -1:].expand(-1, size - found.size(1))], dim=1)
    rows, before = found.flatten()[:, None], accepted.repeat_interleave(size)[:, None]
    places = torch.arange(int(rows.max()), device=lengths.device)
    real = places < rows
    masked = real & (places >= before)
    known = tokens[:, : len(places)].repeat_interleave(size, dim=0).masked_fill(~real, pad)
    sets = torch.full_like(known, ANY_WORD).masked_fill(places == rows - 1, END)
    return Canvas(known, torch.zeros_like(known, dtype=torch.float32), masked, fillable=masked, real=real, sets=sets)


def _accepted(proposal: Canvas, preferred: Tensor, before: Tensor, eos: int, size: int) -> tuple[Tensor, Tensor]:
    """Return how many tokens of each row are known now (N,), and whether it is finished (N,) bool.

    before  (n,) how many tokens of each sentence were known

    >>> from fairseq_cmlm.decoding.canvas import fully_masked
    >>> proposal = fully_masked(torch.tensor([3, 3]), pad=1)
    >>> proposal = proposal.written(torch.arange(6), torch.tensor([5, 6, 2, 5, 7, 2]), torch.zeros(6))
    >>> _accepted(proposal, torch.tensor([[5, 6, 2], [5, 6, 8]]), torch.tensor([0, 0]), eos=2, size=1)
    (tensor([3, 2]), tensor([ True, False]))
    """
    places = torch.arange(preferred.size(1), device=preferred.device)
    known = places < before.repeat_interleave(size)[:, None]
    agreed = ((proposal.tokens == preferred) & proposal.real | known).long().cumprod(1).sum(1)
    # The first token that differs is known as well: the one that is preferred.
    count = torch.minimum(agreed + 1, proposal.real.sum(1))
    last = preferred.gather(1, count[:, None] - 1).squeeze(1)
    return count, last == eos
