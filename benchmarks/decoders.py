"""Which adapter decodes for which kind of system."""

from __future__ import annotations

from typing import Any, Callable, Sequence

import torch

from benchmarks.autoregressive import CTranslate2, FairseqBeamSearch
from benchmarks.masked import FairseqMaskPredict, MaskPredict
from benchmarks.sentences import Sentence
from benchmarks.systems import Case, Decoded, Decoder, Environment, check

DECODERS: dict[str, Callable[[Case, Environment], Decoder]] = {
    "ours": MaskPredict,
    "fairseq-cmlm": FairseqMaskPredict,
    "fairseq": FairseqBeamSearch,
    "ctranslate2": CTranslate2,
}


def make_decoder(case: Case, environment: Environment) -> Decoder:
    """The system of the case on its model. The process computes with the case's threads from now on."""
    torch.set_num_threads(case.threads)
    return DECODERS[case.system.kind](case, environment)


def work_on(case: Case, environment: Environment, batch: list[Sentence]) -> Callable[[], Any]:
    """One batch for the system: what its memory is measured of."""
    decoder = make_decoder(case, environment)
    return lambda: decoder.decode(decoder.prepare(batch))


class Checked:
    """A decoder whose every batch is checked."""

    def __init__(self, case: Case, environment: Environment) -> None:
        self._decoder = make_decoder(case, environment)
        self._system, self._forced = case.system, environment.forced
        self.prepare, self.work = self._decoder.prepare, self._decoder.decode

    def finish(self, batch: Sequence[Sentence], prepared: Any, result: Any) -> list[Decoded]:
        """What was done with each sentence."""
        decoded = self._decoder.read(prepared, result)
        check(self._system, self._decoder, batch, decoded, self._forced)
        return decoded
