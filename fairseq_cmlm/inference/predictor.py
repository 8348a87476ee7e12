"""The decoders of one batch, as the function that the refinement loop calls."""

from __future__ import annotations

import math
from typing import Optional, Sequence

import torch
from torch import Tensor, nn

from fairseq_cmlm.decoding.loop import Query
from fairseq_cmlm.decoding.tokens import (
    AllowedTokens,
    Prediction,
    average,
    drawn,
    entropy_of,
    log_probs_of,
    most_probable,
    most_probable_few,
)
from fairseq_cmlm.inference.divergence import refuse_nan
from fairseq_cmlm.model.attention import Memory
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.encoder import Encoded
from fairseq_cmlm.model.packing import packing_of

# Positions whose logits are computed together on a CPU, so that those of a block of the vocabulary stay in its cache.
ROWS = 256


class Predictor:
    """A Predict over one decoder, or over the averaged probabilities of several.

    Each encoded sentence has `candidates` rows, sentence-major. The source is projected to keys and values here, once
    for all candidates and passes.
    """

    def __init__(
        self,
        decoders: Sequence[Decoder],
        encoded: Sequence[Encoded],
        candidates: int,
        allowed: AllowedTokens,
        heads: Sequence[nn.ModuleDict] = (),
    ) -> None:
        self._decoders, self._heads = decoders, heads
        self._memories = [decoder.memory(one) for decoder, one in zip(decoders, encoded)]
        self._candidates = candidates
        self._allowed = allowed
        self._left: tuple[Optional[Tensor], list[list[Memory]]] = (None, [])
        self._lengths = [one.length_logits for one in encoded]
        self._first: list[Tensor] = []

    @property
    def words(self) -> int:
        """Return the size of the vocabulary."""
        return self._decoders[0].embedding.tokens.num_embeddings

    def __call__(self, query: Query) -> Prediction:
        """Return the best token at each asked position, and the best few if the query wants them."""
        found = self._predict(query)
        self._first = self._first or [found.log_probs]
        return found

    def refuse_nan(self, scores: Tensor) -> None:
        """Raise a ModelError if the lengths, the first pass or the final `scores` hold a NaN.

        Called once, after the last pass, because each check makes the host wait for the device.
        """
        refuse_nan((*self._lengths, *self._first, scores), self._decoders[:1])

    def log_probs(self, query: Query, tokens: Tensor) -> Tensor:
        """Return the log-probabilities (M,) of `tokens` (M,) at the asked positions, natural log."""
        return log_probs_of(self._logits(query), tokens)

    def quality(self, query: Query) -> Tensor:
        """Return the log of the probability (M,), natural log, that the tokens at the asked positions are right.

        The probability is that of the heads that `--objective prism` trains.
        """
        judged = [heads["quality"](states).float() for heads, states in zip(self._heads, self._features(query))]
        sure = torch.stack(judged).squeeze(2)
        return torch.nn.functional.logsigmoid(sure).logsumexp(dim=0) - math.log(len(judged))

    def _predict(self, query: Query) -> Prediction:
        if query.size > 1 or query.entropy or query.standing is not None or query.draw is not None:
            return read(self._logits(query), query, self._allowed)
        if len(self._decoders) > 1:
            return most_probable([self._logits(query)], query.sets, self._allowed)
        (features,) = self._features(query)
        size = ROWS if features.is_cpu else max(len(features), 1)
        parts = [self._most_probable(*part) for part in zip(torch.split(features, size), torch.split(query.sets, size))]
        if len(parts) == 1:
            return parts[0]
        return Prediction(torch.cat([one.tokens for one in parts]), torch.cat([one.log_probs for one in parts]))

    def _most_probable(self, features: Tensor, sets: Tensor) -> Prediction:
        blocks = (block.float() for block in self._decoders[0].output.blocks(features))
        return most_probable(blocks, sets, self._allowed)

    def _features(self, query: Query) -> list[Tensor]:
        """Return the last states (M, D) of each decoder."""
        memories = self._memories if query.rows is None else self._memories_of(query.rows)
        packing = packing_of(query.real, query.number)
        return [
            decoder.features(query.visible, packing, memory, query.positions)
            for decoder, memory in zip(self._decoders, memories)
        ]

    def _logits(self, query: Query) -> Tensor:
        """Return the logits (M, V) float32 of the averaged models."""
        return average(
            [decoder.output(features).float() for decoder, features in zip(self._decoders, self._features(query))]
        )

    def _memories_of(self, rows: Tensor) -> list[list[Memory]]:
        """Return one memory per row, gathered anew only when rows have left the batch since the last pass."""
        # Until then the loop passes the same tensor. Comparing values would make the host wait.
        if self._left[0] is not rows:
            sentences = rows // self._candidates
            self._left = (rows, [[layer.of(sentences) for layer in memory] for memory in self._memories])
        return self._left[1]


def read(logits: Tensor, query: Query, allowed: AllowedTokens) -> Prediction:
    """Return all that the query wants to know about the distributions of `logits` (M, V) float32; overwrites them."""
    standing = None if query.standing is None else log_probs_of(logits, query.standing)
    entropy = entropy_of(logits) if query.entropy else None
    taken = None if query.draw is None else drawn(logits, query.sets, allowed, query.draw)
    if taken is not None and query.size == 1:
        return taken._replace(standing=standing, entropy=entropy)
    few = most_probable_few(logits, query.sets, allowed, query.size)
    taken = taken or Prediction(few.tokens[:, 0], few.log_probs[:, 0])
    return taken._replace(alternatives=few if query.size > 1 else None, standing=standing, entropy=entropy)
