"""The decoders of one batch as the function that the refinement loop calls."""

from __future__ import annotations

from typing import Sequence

from torch import Tensor

from fairseq_cmlm.decoding import original
from fairseq_cmlm.decoding.prediction import Prediction, Query, Symbols, average, most_probable, most_probable_few
from fairseq_cmlm.model.attention import Memory
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.encoder import Encoded
from fairseq_cmlm.model.packing import packing_of


class Predictor:
    """A Predict, and with `best_few` a PredictBest, over one or more decoders, whose probabilities are averaged.

    The rows are `candidates` rows of each encoded sentence, sentence-major. The source is projected to keys and values
    here, once for all candidates and passes. With `exact` control symbols are predicted as the released code does.
    """

    def __init__(
        self, decoders: Sequence[Decoder], encoded: Sequence[Encoded], candidates: int, symbols: Symbols, exact: bool
    ) -> None:
        self._decoders = decoders
        self._memories = [decoder.memory(one) for decoder, one in zip(decoders, encoded)]
        self._candidates = candidates
        self._symbols = symbols
        self._exact = exact
        self._left: tuple[int, list[list[Memory]]] = (0, [])

    def __call__(self, query: Query) -> Prediction:
        """The best token of each asked position."""
        if self._exact:
            return original.any_token(self._logits(query))
        if len(self._decoders) > 1:
            return most_probable([self._logits(query)], query.last, self._symbols)
        (features,) = self._features(query)
        blocks = (block.float() for block in self._decoders[0].output.blocks(features))
        return most_probable(blocks, query.last, self._symbols)

    def best_few(self, query: Query, size: int) -> Prediction:
        """The `size` best tokens of each asked position."""
        logits = self._logits(query)
        if self._exact:
            return original.any_tokens_but_mask(logits, self._symbols.mask, size)
        return most_probable_few(logits, query.last, self._symbols, size)

    def _features(self, query: Query) -> list[Tensor]:
        """The last states (M, D) of each decoder."""
        memories = self._memories if query.rows is None else self._memories_of(query.rows)
        packing = packing_of(query.real, query.size)
        return [
            decoder.features(query.visible, packing, memory, query.positions)
            for decoder, memory in zip(self._decoders, memories)
        ]

    def _logits(self, query: Query) -> Tensor:
        """(M, V) float32 of all models together."""
        return average(
            [decoder.output(features).float() for decoder, features in zip(self._decoders, self._features(query))]
        )

    def _memories_of(self, rows: Tensor) -> list[list[Memory]]:
        """One memory a row, gathered anew only when rows have left the batch since the last pass."""
        if self._left[0] != len(rows):
            sentences = rows // self._candidates
            self._left = (len(rows), [[layer.of(sentences) for layer in memory] for memory in self._memories])
        return self._left[1]
