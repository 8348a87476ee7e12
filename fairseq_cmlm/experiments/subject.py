"""The subject of a report, and the cases that its tables ask for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Mapping, Optional, Sequence

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.presets import PRESETS
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments.case import BeamSearch, Case
from fairseq_cmlm.inference.trained_for import refuse_untrained

AUTOREGRESSIVE = "autoregressive"
RESCORED, AGREED = "autoregressive, rescored", "autoregressive, by consensus"
# How the paper decodes, where it says nothing else: the candidate with the greatest mean log-probability is chosen.
PAPER: dict[str, Any] = {"iterations": 10, "length_beam": 5, "length_prior": 0.0}


@dataclass(frozen=True)
class Subject:
    """The subject of a report.

    model     name of the model
    compared  names of the models beside it
    teacher   whether there is an autoregressive baseline
    given     options of decoding from the command line, by field name
    judge     checkpoint of an autoregressive model that can rescore and plan
    objective what the model is trained for
    """

    model: str
    compared: Sequence[str] = ()
    teacher: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 32
    threads: int = 1
    judge: Optional[str] = None
    objective: str = "cmlm"

    def masked(self, system: Optional[str] = None, timed: bool = False, **varied: Any) -> Case:
        """Return the case that decodes as in the paper, except for given options and those that the table `varied`."""
        given = {**self.given, **varied}
        preset = PRESETS[given.get("preset", "full")]  # it sets what is not given, and the paper what it does not
        decoding = Decoding.of(**{**{name: value for name, value in PAPER.items() if name not in preset}, **given})
        return Case(system or self.model, decoding, self.batch_size, self.threads, timed)

    def possible(self, **varied: Any) -> list[Case]:
        """Return the case of `masked`, or none if given options or the model's training exclude it."""
        try:
            case = self.masked(**varied)
            assert isinstance(case.decoding, Decoding)
            refuse_untrained(case.decoding, self.objective)
        except OptionError:
            return []
        return [case]

    def beam_search(self, *beams: int, timed: bool = False) -> list[Case]:
        """Return the cases of the autoregressive baseline with these beams, none if there is no baseline."""
        cases = [Case(AUTOREGRESSIVE, BeamSearch(beam), self.batch_size, self.threads, timed) for beam in beams]
        return cases if self.teacher else []

    @property
    def priors(self) -> list[float]:
        """Return the length priors to compare: the paper's, and the given one or the default."""
        return list(dict.fromkeys([PAPER["length_prior"], Decoding.of(**self.given).length_prior]))


def as_in_the_paper(case: Case) -> bool:
    """Return whether a case is comparable with the paper's figures: it differs only in passes, lengths or dtype."""
    if isinstance(case.decoding, BeamSearch):
        return True
    paper = Decoding.of(**PAPER)
    free = ("iterations", "length_beam", "gold_target_length", "dtype", "preset", "original")
    return replace(case.decoding, **{name: getattr(paper, name) for name in free}) == paper
