"""Likelihood: an upper bound of the negative log-likelihood of a target."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fairseq_cmlm.decoding.lengths import length_log_probs
from fairseq_cmlm.inference.divergence import refuse_nan
from fairseq_cmlm.model.network import Network
from fairseq_cmlm.sentence_random import derived_keys, stratified_counts, text_keys, uniform_numbers
from fairseq_cmlm.training.noising import random_subset


class LikelihoodBound(NamedTuple):
    """For each of B sentences, natural log.

    tokens  (B,), the estimated bound of -ln p(target | source, length)
    length  (B,), -ln p(length | source)
    size    (B,) int64, the number of target tokens, `</s>` included
    """

    tokens: Tensor
    length: Tensor
    size: Tensor


@torch.no_grad()
def likelihood_bound(network: Network, source: Tensor, target: Tensor, mask: int, samples: int) -> LikelihoodBound:
    """Estimate -ln p(target | source) <= -ln p(N | source) + E over k of (N / k) * loss of k masked tokens.

    source, target  (B, S) and (B, T) int64, padded
    samples         how many k to draw for each sentence, stratified over 1..N

    LLaDA (arXiv 2502.09992), equation 6. The estimate is unbiased and depends on the pair alone, not on its batch. NaN
    is a ModelError.
    """
    pad = network.decoder.pad
    fillable = target.ne(pad)
    size = fillable.sum(1)
    encoding = network.encode(source)
    keys = text_keys(1, target, fillable) ^ text_keys(0, source, source.ne(network.encoder.pad))
    counts = stratified_counts(keys, samples, size)
    total = torch.zeros(size.shape, device=source.device)
    for sample, count in enumerate(counts.T, 1):
        numbers = uniform_numbers(derived_keys(keys, sample), target.size(1))
        predict = random_subset(fillable, count, numbers)
        positions = predict.flatten().nonzero().squeeze(1)
        logits = network.logits(encoding, target.masked_fill(predict, mask), positions).float()
        loss = -logits.log_softmax(dim=1).gather(1, target.flatten()[positions, None]).squeeze(1)
        each = torch.zeros(target.numel(), device=source.device).index_copy(0, positions, loss).view_as(target).sum(1)
        total += each * size / count / samples
    lengths = length_log_probs(encoding.encoded.length_logits).gather(1, size[:, None]).squeeze(1)
    refuse_nan([total, lengths], [network])
    return LikelihoodBound(total, -lengths, size)
