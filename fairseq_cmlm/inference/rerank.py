"""Reranking: candidates of another system, such as beam search, compared by a masked model."""

from __future__ import annotations

from typing import Mapping, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.lengths import length_log_probs
from fairseq_cmlm.decoding.tokens import AllowedTokens, Symbols
from fairseq_cmlm.inference.decode import EncoderDecoder
from fairseq_cmlm.inference.pool import Hypotheses, pool_of
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
    """Score `candidates` (B, K, T) of the source (B, S) by some rows of CHOOSERS and their weighted sum.

    candidates    int64, each with `</s>`, padded; rows of padding and rows that are too long are no candidates
    weights       chooser -> weight; `confidence` is not available, because only a decoding knows it
    length_prior  weight of the network's length model
    """
    encoded = network.encoder(source)
    found = Hypotheses(candidates, torch.zeros(candidates.shape, device=source.device))
    pool = pool_of(found, length_log_probs(encoded.length_logits), length_prior, symbols.pad)
    predictor = Predictor([network.decoder], [encoded], candidates.size(1), AllowedTokens((), None))
    readers = Readers(source, candidates.size(1), predictor, judges, symbols)
    return readers.compare(pool.canvas, pool.own, pool.bonus, weights)


def padded(rows: Sequence[Sequence[Tensor]], pad: int) -> Tensor:
    """Pad candidates (n,) of B sentences to (B, K, T); sentences with fewer candidates get rows of padding.

    >>> padded([[torch.tensor([5, 2])], [torch.tensor([6, 7, 2]), torch.tensor([2])]], pad=1).tolist()
    [[[5, 2, 1], [1, 1, 1]], [[6, 7, 2], [2, 1, 1]]]
    """
    shape = (len(rows), max(map(len, rows)), max(len(one) for row in rows for one in row))
    found = torch.full(shape, pad, device=rows[0][0].device)
    for i, row in enumerate(rows):
        for k, one in enumerate(row):
            found[i, k, : len(one)] = one
    return found
