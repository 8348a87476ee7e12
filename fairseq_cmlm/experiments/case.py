"""Cases: a system and its decoding options."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Sequence, Union

from fairseq_cmlm import __version__
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.options import check, files_given, option, shown, signature


@dataclass(frozen=True)
class BeamSearch:
    """The decoding options of an autoregressive system."""

    beam: int = option(5, "hypotheses", least=1, signed=True)
    lenpen: float = option(1.0, "power of its length that a hypothesis's log-probability is divided by", least=0)
    gold_target_length: bool = option(False, "end every sentence at the length of its reference")
    dtype: str = option("float32", "numbers to compute with, for a system that has a choice", signed=True)

    def __post_init__(self) -> None:
        check(self)

    def signature(self) -> str:
        """Return the decoding in one line."""
        return signature(self, version=__version__)


_SHORT = {"iterations": "T", "length_beam": "l", "gold_target_length": "gold"}
# Fields that always describe a case; others do if they are not at their default.
_ALWAYS = ("iterations", "length_beam", "beam")


@dataclass(frozen=True)
class Case:
    """A system and its decoding options.

    system      its name
    decoding    of a masked system, or of an autoregressive one
    batch_size  sentences
    threads     of torch
    timed       decode in several rounds, in turn with other cases
    """

    system: str
    decoding: Union[Decoding, BeamSearch]
    batch_size: int = 32
    threads: int = 1
    timed: bool = False

    @property
    def masked(self) -> bool:
        """Return whether the system decodes in passes, not from left to right."""
        return isinstance(self.decoding, Decoding)

    @property
    def settings(self) -> str:
        """Return a short description of the decoding: `T=4,l=5`."""
        told = []
        for one in fields(self.decoding):
            at_default = getattr(self.decoding, one.name) == one.default
            if not at_default or (one.name in _ALWAYS and (one.name != "beam" or not self.masked)):
                told.append(self.setting(one.name))
        return ",".join([*told, *(["timed"] if self.timed else [])])

    def setting(self, name: str) -> str:
        """Return one field of the decoding with its value: `T=4`, or `gold` for a switch that is on."""
        short = _SHORT.get(name, name)
        return short if getattr(self.decoding, name) is True else f"{short}={self.value(name)}"

    def value(self, name: str) -> str:
        """Return the value of a field of the decoding as tables show it; `-` if this decoding has no such field."""
        file = files_given(self.decoding).get(name)
        value = file.name if file else getattr(self.decoding, name, "-")
        return "N" if name == "iterations" and value == 0 else shown(value)


def varied(cases: Sequence[Case]) -> list[str]:
    """Return the names of what differs among the masked cases: `system`, and fields of their decodings."""
    masked = [case for case in cases if case.masked]
    names = [one.name for one in fields(Decoding)]
    different = [name for name in names if len({getattr(case.decoding, name) for case in masked}) > 1]
    return ["system"] * (len({case.system for case in masked}) > 1) + different


def label(case: Case, names: Sequence[str]) -> str:
    """Return a short name for a case, of what differs in `names`: `T=4`, `beam 5`; the system's if nothing does."""
    if isinstance(case.decoding, BeamSearch):
        return f"beam {case.decoding.beam}"
    return ",".join(case.system if name == "system" else case.setting(name) for name in names) or case.system
