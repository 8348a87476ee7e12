"""Beam search whose hypotheses are ranked anew, beside a masked model whose candidates are compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Mapping, Optional

from fairseq_cmlm.decoding.choice import mixture
from fairseq_cmlm.decoding.presets import READ_BY
from fairseq_cmlm.experiments.case import BeamSearch
from fairseq_cmlm.experiments.systems.autoregressive import Autoregressive, SearchJob
from fairseq_cmlm.experiments.systems.masked import Masked
from fairseq_cmlm.experiments.systems.system import FairseqSystem, Loaded, Sample
from fairseq_cmlm.inference.readers import Judges
from fairseq_cmlm.inference.rerank import padded, rerank
from fairseq_cmlm.options import signed_file
from fairseq_cmlm.plugin.judges import load_judge, text_for_chrf

# Rows of CHOOSERS with their weights, beside the score of beam search.
BY_MASKED_MODEL = {"pseudo_likelihood": 1.0}
BY_ANOTHER = {"autoregressive": 1.0}
# As a pool is chosen from, whose hypotheses have their own score already.
BY_CONSENSUS = {"consensus": mixture(READ_BY["search_with"]["choose_by"])["consensus"]}


@dataclass(frozen=True)
class Rescored(FairseqSystem):
    """The hypotheses of `search`, ranked by the sum of its scores and the weighted scores of CHOOSERS.

    The fields before are those of `search`; make it with :meth:`of`.

    masked   the model that reads, where a chooser does
    weights  chooser -> weight
    another  the model of the chooser `autoregressive`
    """

    search: Optional[Autoregressive] = None
    masked: Optional[Masked] = None
    weights: Mapping[str, float] = field(default_factory=dict)
    another: Optional[Path] = None

    @classmethod
    def of(
        cls, search: Autoregressive, masked: Masked, weights: Mapping[str, float], another: Optional[Path] = None
    ) -> Rescored:
        """Return the system of all that take part."""
        return cls(search.checkpoint, search.data, search.languages, search.device, search, masked, weights, another)

    @cached_property
    def digest(self) -> str:
        """Return the hashes of the checkpoints, and the weights."""
        assert self.search and self.masked
        another = [signed_file(self.another)] if self.another else []
        return " ".join([self.search.digest, self.masked.digest, str(self.weights), *another])

    def load(self) -> Loaded:
        """Return the model that searches."""
        assert self.search
        return self.search.loaded

    def job(self, decoding: BeamSearch, threads: int) -> SearchJob:
        """Prepare both models for decoding."""
        assert self.masked
        task = self.masked.loaded.task
        judges = Judges(
            rescorer=load_judge("--second", self.another, task) if self.another else None,
            text=partial(text_for_chrf, dictionary=task.target_dictionary),
        )
        return _RescoredJob(self.loaded, decoding, self.device, self.masked.loaded, self.weights, judges)


class _RescoredJob(SearchJob):
    def __init__(
        self,
        loaded: Loaded,
        decoding: BeamSearch,
        device: str,
        masked: Loaded,
        weights: Mapping[str, float],
        judges: Judges,
    ) -> None:
        super().__init__(loaded, decoding, device)
        self._masked, self._weights, self._judges = masked, weights, judges

    def work(self, prepared: Sample) -> Any:
        """Return the hypotheses in their new order."""
        hypotheses = super().work(prepared)
        task, model = self._masked
        model.eval()
        candidates = padded([[one["tokens"] for one in found] for found in hypotheses], task.symbols.pad)
        source = prepared.fields["net_input"]["src_tokens"]
        scores = rerank(model, source, candidates, self._weights, task.symbols, self._judges).scores.tolist()
        return [_ranked(found, theirs) for found, theirs in zip(hypotheses, scores)]


def _ranked(hypotheses: list[dict[str, Any]], scores: list[float]) -> list[dict[str, Any]]:
    """Return the hypotheses of a sentence by the sum of their own scores, mean log-probabilities, and `scores`."""
    order = sorted(range(len(hypotheses)), key=lambda k: -(float(hypotheses[k]["score"]) + scores[k]))
    return [hypotheses[k] for k in order]
