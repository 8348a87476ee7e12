"""The decoders of one batch as the function that the refinement loop calls."""

from __future__ import annotations

from typing import Sequence

from torch import Tensor, nn

from fairseq_cmlm.decoding.loop import Query
from fairseq_cmlm.decoding.tokens import AllowedTokens, Prediction, average, most_probable, most_probable_few
from fairseq_cmlm.errors import ModelError
from fairseq_cmlm.model.attention import Memory
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.encoder import Encoded
from fairseq_cmlm.model.packing import packing_of


def refuse_nan(outputs: Tensor, module: nn.Module) -> None:
    """Raise a ModelError if `outputs` of the network that `module` is part of hold a NaN. Waits for the device."""
    if bool(outputs.isnan().any()):
        kinds = {str(one.dtype).removeprefix("torch.") for one in module.parameters()} or {"int8"}
        raise ModelError(
            f"the model's outputs are not numbers (NaN) in {' and '.join(sorted(kinds))}: it diverged in training, or "
            "its numbers overflow. Use an earlier checkpoint, or --decoding-dtype float32 and no --fp16"
        )


class Predictor:
    """A Predict over one or more decoders, whose probabilities are averaged.

    The rows are `candidates` rows of each encoded sentence, sentence-major. The source is projected to keys and values
    here, once for all candidates and passes.
    """

    def __init__(
        self, decoders: Sequence[Decoder], encoded: Sequence[Encoded], candidates: int, allowed: AllowedTokens
    ) -> None:
        self._decoders = decoders
        self._memories = [decoder.memory(one) for decoder, one in zip(decoders, encoded)]
        self._candidates = candidates
        self._allowed = allowed
        self._left: tuple[int, list[list[Memory]]] = (0, [])
        self._checked = False

    def __call__(self, query: Query) -> Prediction:
        """Return the best token of each asked position, and the best few where they are wanted.

        A first pass whose probabilities are no numbers is a ModelError.
        """
        found = self._predict(query)
        if not self._checked:
            refuse_nan(found.log_probs, self._decoders[0])
            self._checked = True
        return found

    def _predict(self, query: Query) -> Prediction:
        if query.size > 1:
            few = most_probable_few(self._logits(query), query.sets, self._allowed, query.size)
            return Prediction(few.tokens[:, 0], few.log_probs[:, 0], few)
        if len(self._decoders) > 1:
            return most_probable([self._logits(query)], query.sets, self._allowed)
        (features,) = self._features(query)
        blocks = (block.float() for block in self._decoders[0].output.blocks(features))
        return most_probable(blocks, query.sets, self._allowed)

    def _features(self, query: Query) -> list[Tensor]:
        """Return the last states (M, D) of each decoder."""
        memories = self._memories if query.rows is None else self._memories_of(query.rows)
        packing = packing_of(query.real, query.number)
        return [
            decoder.features(query.visible, packing, memory, query.positions)
            for decoder, memory in zip(self._decoders, memories)
        ]

    def _logits(self, query: Query) -> Tensor:
        """Return the logits (M, V) float32 of all models together."""
        return average(
            [decoder.output(features).float() for decoder, features in zip(self._decoders, self._features(query))]
        )

    def _memories_of(self, rows: Tensor) -> list[list[Memory]]:
        """Return one memory a row, gathered anew only when rows have left the batch since the last pass."""
        if self._left[0] != len(rows):
            sentences = rows // self._candidates
            self._left = (len(rows), [[layer.of(sentences) for layer in memory] for memory in self._memories])
        return self._left[1]
