"""Beam search whose hypotheses are ranked anew: the fair rivals of a masked model whose candidates are compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Mapping, Optional

from fairseq_cmlm.decoding.choice import mixture
from fairseq_cmlm.decoding.presets import READ_BY
from fairseq_cmlm.experiments.case import BeamSearch
from fairseq_cmlm.experiments.systems.autoregressive import Autoregressive, SearchJob
from fairseq_cmlm.experiments.systems.masked import Masked
from fairseq_cmlm.experiments.systems.system import FairseqSystem, Loaded, Sample
from fairseq_cmlm.inference.readers import Judges
from fairseq_cmlm.inference.rerank import padded, rerank
from fairseq_cmlm.plugin.judges import text_for_chrf

# Rows of CHOOSERS with their weights, beside the score of beam search.
BY_MASKED_MODEL = {"pseudo_likelihood": 1.0}
# As a pool is chosen from, whose hypotheses have their own score already.
BY_CONSENSUS = {"consensus": mixture(READ_BY["search_with"]["choose_by"])["consensus"]}


@dataclass(frozen=True)
class Rescored(FairseqSystem):
    """The hypotheses of `search`, ranked by the sum of its scores and the weighted scores of CHOOSERS.

    The fields before are those of `search`; make it with :meth:`of`.

    masked   the model that reads, where a chooser does
    weights  chooser -> weight
    """

    search: Optional[Autoregressive] = None
    masked: Optional[Masked] = None
    weights: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, search: Autoregressive, masked: Masked, weights: Mapping[str, float]) -> Rescored:
        """Return the system of both."""
        return cls(search.checkpoint, search.data, search.languages, search.device, search, masked, weights)

    @cached_property
    def digest(self) -> str:
        """Return the hashes of both checkpoints, and the weights."""
        assert self.search and self.masked
        return f"{self.search.digest} {self.masked.digest} {self.weights}"

    def load(self) -> Loaded:
        """Return the model that searches."""
        assert self.search
        return self.search.loaded

    def job(self, decoding: BeamSearch, threads: int) -> SearchJob:
        """Prepare both models for decoding."""
        assert self.masked
        return _RescoredJob(self.loaded, decoding, self.device, self.masked.loaded, self.weights)


class _RescoredJob(SearchJob):
    def __init__(
        self, loaded: Loaded, decoding: BeamSearch, device: str, masked: Loaded, weights: Mapping[str, float]
    ) -> None:
        super().__init__(loaded, decoding, device)
        self._masked, self._weights = masked, weights

    def work(self, prepared: Sample) -> Any:
        """Return the hypotheses in their new order."""
        hypotheses = super().work(prepared)
        task, model = self._masked
        model.eval()
        candidates = padded([[one["tokens"] for one in found] for found in hypotheses], task.symbols.pad)
        source = prepared.fields["net_input"]["src_tokens"]
        judges = Judges(text=partial(text_for_chrf, dictionary=task.target_dictionary))
        scores = rerank(model, source, candidates, self._weights, task.symbols, judges).scores.tolist()
        return [_ranked(found, theirs) for found, theirs in zip(hypotheses, scores)]


def _ranked(hypotheses: list[dict[str, Any]], scores: list[float]) -> list[dict[str, Any]]:
    """Return the hypotheses of a sentence by the sum of their own scores, mean log-probabilities, and `scores`."""
    order = sorted(range(len(hypotheses)), key=lambda k: -(float(hypotheses[k]["score"]) + scores[k]))
    return [hypotheses[k] for k in order]
