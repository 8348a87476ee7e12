"""What the decoders share that are a generator of fairseq's: the batch, the call, and the words that come back."""

from __future__ import annotations

from typing import Any, Sequence

from benchmarks.models import load
from benchmarks.sample import Sample, make_sample, words
from benchmarks.sentences import Sentence
from benchmarks.systems import Decoded, Environment, System


class Generated:
    """A model of the environment, its task and, from the subclass, the generator."""

    _generator: Any

    def __init__(self, system: System, environment: Environment) -> None:
        self._device, self._forced = environment.device, environment.forced
        where = (environment.checkpoints[system.model], environment.data, environment.device)
        self._model, self._task = load(*where, system.numbers)

    def prepare(self, batch: Sequence[Sentence]) -> Sample:
        """The sources as fairseq collates them."""
        return make_sample(self._task, batch, self._device)

    def decode(self, prepared: Sample) -> Any:
        """The generator's hypotheses, a list for each sentence."""
        return self._generator.generate([self._model], prepared.fields)

    def read(self, prepared: Sample, result: Any) -> list[Decoded]:
        """All hypotheses come back."""
        lengths = [[len(hypothesis["tokens"]) for hypothesis in found] for found in result]
        passes = [[self.passes_of(hypothesis) for hypothesis in found] for found in result]
        return self.decoded(prepared, result, lengths, passes)

    def passes_of(self, hypothesis: dict[str, Any]) -> int:
        """How often the decoder was called for it: once a token, unless a subclass knows better."""
        return len(hypothesis["tokens"])

    def decoded(
        self, prepared: Sample, result: Any, lengths: list[list[int]], passes: list[list[int]]
    ) -> list[Decoded]:
        """The words of the best hypotheses, with lengths and passes, in the order of the batch."""
        best = [words(self._task, found[0]["tokens"]) for found in result]
        return prepared.in_order([Decoded(*row) for row in zip(best, lengths, passes)])
