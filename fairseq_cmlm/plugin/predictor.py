"""The decoders of one batch as the function that the refinement loop calls."""

from __future__ import annotations

from typing import Sequence

from torch import Tensor

from fairseq_cmlm.decoding.prediction import Prediction, Query, Symbols, average, most_probable
from fairseq_cmlm.model.attention import SourceMemory
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.encoder import Encoded


class Predictor:
    """A Predict over one or more decoders, whose probabilities are averaged.

    The rows are `candidates` length candidates of each encoded sentence, sentence-major. The source is projected to
    keys and values here, once for all candidates and passes.
    """

    def __init__(
        self, decoders: Sequence[Decoder], encoded: Sequence[Encoded], candidates: int, symbols: Symbols
    ) -> None:
        self._decoders = decoders
        self._memories = [decoder.memory(one) for decoder, one in zip(decoders, encoded)]
        self._candidates = candidates
        self._symbols = symbols
        self._left: tuple[int, list[list[SourceMemory]]] = (0, [])

    def __call__(self, query: Query) -> Prediction:
        memories = self._memories if query.rows is None else self._memories_of(query.rows)
        logits = [
            decoder(query.visible, memory, query.positions).float() for decoder, memory in zip(self._decoders, memories)
        ]
        return most_probable(average(logits), query.last, self._symbols)

    def _memories_of(self, rows: Tensor) -> list[list[SourceMemory]]:
        """One memory a row, gathered anew only when rows have left the batch since the last pass."""
        if self._left[0] != len(rows):
            sentences = rows // self._candidates
            self._left = (len(rows), [[layer.of(sentences) for layer in memory] for memory in self._memories])
        return self._left[1]
