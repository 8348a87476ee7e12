"""Beam search whose hypotheses a masked model ranks anew: the rival of a masked model that is rescored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Optional

from fairseq_cmlm.experiments.case import BeamSearch
from fairseq_cmlm.experiments.systems.autoregressive import Autoregressive, SearchJob
from fairseq_cmlm.experiments.systems.masked import Masked
from fairseq_cmlm.experiments.systems.system import FairseqSystem, Loaded, Sample
from fairseq_cmlm.inference.rerank import padded, rerank

# The masked model's mean log-probability of the tokens given the others.
WEIGHTS = {"pseudo_likelihood": 1.0}


@dataclass(frozen=True)
class Rescored(FairseqSystem):
    """The hypotheses of `search`, ranked by the sum of its scores and those of `masked`.

    The fields before are those of `search`; make it with :meth:`of`.
    """

    search: Optional[Autoregressive] = None
    masked: Optional[Masked] = None

    @classmethod
    def of(cls, search: Autoregressive, masked: Masked) -> Rescored:
        """Return the system of both."""
        return cls(search.checkpoint, search.data, search.languages, search.device, search, masked)

    @cached_property
    def digest(self) -> str:
        """Return the hashes of both checkpoints."""
        assert self.search and self.masked
        return f"{self.search.digest} {self.masked.digest}"

    def load(self) -> Loaded:
        """Return the model that searches."""
        assert self.search
        return self.search.loaded

    def job(self, decoding: BeamSearch, threads: int) -> SearchJob:
        """Prepare both models for decoding."""
        assert self.masked
        return _RescoredJob(self.loaded, decoding, self.device, self.masked.loaded)


class _RescoredJob(SearchJob):
    def __init__(self, loaded: Loaded, decoding: BeamSearch, device: str, masked: Loaded) -> None:
        super().__init__(loaded, decoding, device)
        self._masked = masked

    def work(self, prepared: Sample) -> Any:
        """Return the hypotheses in their new order."""
        hypotheses = super().work(prepared)
        task, model = self._masked
        model.eval()
        candidates = padded([[one["tokens"] for one in found] for found in hypotheses], task.symbols.pad)
        source = prepared.fields["net_input"]["src_tokens"]
        scores = rerank(model, source, candidates, WEIGHTS, task.symbols).scores.tolist()
        return [_ranked(found, theirs) for found, theirs in zip(hypotheses, scores)]


def _ranked(hypotheses: list[dict[str, Any]], scores: list[float]) -> list[dict[str, Any]]:
    """Return the hypotheses of a sentence by the sum of both models' scores, each a mean log-probability."""
    order = sorted(range(len(hypotheses)), key=lambda k: -(float(hypotheses[k]["score"]) + scores[k]))
    return [hypotheses[k] for k in order]
