"""Which adapter decodes for which kind of system."""

from __future__ import annotations

from typing import Any, Callable

import torch

from benchmarks.autoregressive import CTranslate2, FairseqBeamSearch
from benchmarks.masked import FairseqMaskPredict, MaskPredict
from benchmarks.sentences import Sentence
from benchmarks.systems import Case, Decoder, Environment

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
