"""Candidates that somebody else has made, as beam search has, compared by a masked model."""

from __future__ import annotations

from typing import Mapping, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.candidates import length_bonus
from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.lengths import length_log_probs
from fairseq_cmlm.decoding.tokens import ANY_WORD, AllowedTokens, Symbols
from fairseq_cmlm.inference.decode import EncoderDecoder
from fairseq_cmlm.inference.predictor import Predictor
from fairseq_cmlm.inference.readers import NOBODY, Choice, Judges, Readers


@torch.no_grad()
def rerank(
    network: EncoderDecoder,
    source: Tensor,
    candidates: Tensor,
    weights: Mapping[str, float],
    symbols: Symbols,
    judges: Judges = NOBODY,
    length_prior: float = 1.0,
) -> Choice:
    """Give `candidates` (B, K, T) of the source (B, S) the scores of some rows of CHOOSERS and their weighted sum.

    candidates    int64, each with `</s>`, padded; a row of padding is no candidate, nor is one that is too long
    weights       of each chooser; not of confidence, which only a decoding has
    length_prior  weight of the network's length model
    """
    encoded = network.encoder(source)
    longest = encoded.length_logits.size(1) - 1
    lengths = candidates.ne(symbols.pad).sum(2)
    none = (lengths == 0) | (lengths > longest)
    log_probs = length_log_probs(encoded.length_logits).gather(1, lengths.masked_fill(none, 1))
    bonus = length_bonus(log_probs.masked_fill(none, float("-inf")), lengths, length_prior)
    tokens = candidates.masked_fill(none[:, :, None], symbols.pad)[:, :, :longest].flatten(0, 1)
    real = tokens.ne(symbols.pad)
    zeros = torch.zeros(tokens.shape, device=tokens.device)
    sets = torch.full_like(tokens, ANY_WORD)
    canvas = Canvas(tokens, zeros, masked=torch.zeros_like(real), fillable=real, real=real, sets=sets)
    predictor = Predictor([network.decoder], [encoded], candidates.size(1), AllowedTokens((), None))
    own = torch.zeros_like(bonus).masked_fill(none, float("-inf"))
    return Readers(source, candidates.size(1), predictor, judges, symbols).compare(canvas, own, bonus, weights)


def padded(rows: Sequence[Sequence[Tensor]], pad: int) -> Tensor:
    """Return candidates (n,) of B sentences as (B, K, T); a sentence with fewer than others has rows of padding.

    >>> padded([[torch.tensor([5, 2])], [torch.tensor([6, 7, 2]), torch.tensor([2])]], pad=1).tolist()
    [[[5, 2, 1], [1, 1, 1]], [[6, 7, 2], [2, 1, 1]]]
    """
    shape = (len(rows), max(map(len, rows)), max(len(one) for row in rows for one in row))
    found = torch.full(shape, pad, device=rows[0][0].device)
    for i, row in enumerate(rows):
        for k, one in enumerate(row):
            found[i, k, : len(one)] = one
    return found
