"""Jobs whose every batch is checked: a system that does not do what it is measured for is no measurement."""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple, Optional, Sequence

from benchmarks.operations import masked_in_each_pass
from fairseq_cmlm.decoding.thresholds import stopping_rules
from fairseq_cmlm.experiments.case import BeamSearch, Case
from fairseq_cmlm.experiments.decode import make_job
from fairseq_cmlm.experiments.sentences import Sentence, lengths_around
from fairseq_cmlm.experiments.systems.ctranslate2 import CTranslate2, mean_length
from fairseq_cmlm.experiments.systems.fairseq_masked import FairseqMasked
from fairseq_cmlm.experiments.systems.system import Decoded, System


class WrongDecodingError(Exception):
    """A system did not do what it was measured for."""


class Expected(NamedTuple):
    """The lengths and passes that a case must have.

    lengths  of each sentence of a batch, ascending; None where the system chooses them
    passes   of the decoder for a hypothesis of a length
    fewer    whether it may make fewer
    """

    lengths: Callable[[Sequence[Sentence]], Optional[list[list[int]]]]
    passes: Callable[[int], int]
    fewer: bool = False


def expected_of(case: Case, system: System) -> Expected:
    """Return what a case must do."""
    decoding = case.decoding
    if isinstance(decoding, BeamSearch):
        return Expected(lambda batch: _ends(batch, system, decoding), lambda length: length)
    iterations, size = decoding.iterations, decoding.length_beam
    forced = decoding.gold_target_length and decoding.halve_candidates is None

    def around(batch: Sequence[Sentence]) -> Optional[list[list[int]]]:
        return [lengths_around(each.target_length, size) for each in batch] if forced else None

    if isinstance(system, FairseqMasked):
        return Expected(around, lambda length: iterations)
    if decoding.block_length is not None:
        block = decoding.block_length
        return Expected(around, lambda length: max(iterations, block) * -(-length // block), fewer=True)
    plain = decoding.mask_schedule == "linear" and decoding.strategy in ("mask_predict", "without_remasking")
    if not plain or not iterations:
        return Expected(around, lambda length: max(iterations, length), fewer=True)
    fewer = stopping_rules(decoding, 1) or decoding.iterations_per_token or decoding.halve_candidates
    return Expected(around, lambda length: len(masked_in_each_pass(length, iterations)), bool(fewer))


def _ends(batch: Sequence[Sentence], system: System, decoding: BeamSearch) -> Optional[list[list[int]]]:
    """Return the lengths that an autoregressive system is forced to."""
    if not decoding.gold_target_length:
        return None
    mean = mean_length(batch) if isinstance(system, CTranslate2) else None
    return [[mean or sentence.target_length] * decoding.beam for sentence in batch]


def check(name: str, batch: Sequence[Sentence], decoded: Sequence[Decoded], expected: Expected) -> None:
    """Raise unless every sentence was decoded with the expected lengths and number of passes."""
    if len(decoded) != len(batch):
        raise WrongDecodingError(f"{name} translated {len(decoded)} of {len(batch)} sentences")
    for one, lengths in zip(decoded, expected.lengths(batch) or [sorted(one.lengths) for one in decoded]):
        if sorted(one.lengths) != lengths:
            raise WrongDecodingError(f"{name} decoded the lengths {one.lengths} instead of {lengths}")
        passes = [expected.passes(length) for length in one.lengths]
        fewer = expected.fewer and all(made <= most for made, most in zip(one.passes, passes))
        if one.passes != passes and not fewer:
            raise WrongDecodingError(f"{name} made {one.passes} passes at the lengths {one.lengths}, not {passes}")


class Checked:
    """The job of a case, checked."""

    def __init__(self, case: Case, systems: Mapping[str, System]) -> None:
        self._job = make_job(case, systems)
        self._name, self._expected = case.system, expected_of(case, systems[case.system])
        self.prepare, self.work = self._job.prepare, self._job.work

    def finish(self, batch: Sequence[Sentence], prepared: Any, result: Any) -> Sequence[Decoded]:
        """Return what was done with each sentence, after a look at it."""
        decoded = self._job.finish(batch, prepared, result)
        check(self._name, batch, decoded, self._expected)
        return decoded


def work_on(case: Case, systems: Mapping[str, System], batch: list[Sentence]) -> Callable[[], Any]:
    """Return the work on one batch: what the memory of a case is measured of."""
    job = make_job(case, systems)
    return lambda: job.work(job.prepare(batch))
