"""What is compared: the systems by name, what each of them has to offer, and what it must have done."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, Optional, Protocol, Sequence

import torch

from benchmarks.sentences import Sentence
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.model.precision import PRECISIONS


@dataclass(frozen=True)
class System:
    """A decoder over a model.

    kind     which adapter decodes: ours, fairseq-cmlm, fairseq (autoregressive), ctranslate2
    model    the checkpoint it uses
    beam     hypotheses of left-to-right search; 0 for the masked decoders
    numbers  what is computed with: --decoding-dtype of ours, CTranslate2's compute type
    preset   --decoding-preset of ours
    """

    name: str
    kind: str
    model: str
    beam: int = 0
    numbers: str = "float32"
    preset: str = "full"

    @property
    def masked(self) -> bool:
        """Whether it has passes T and length candidates l."""
        return self.beam == 0


def catalogue(autoregressive_layers: Sequence[tuple[int, int]], device: str, presets: Sequence[str]) -> list[System]:
    """All systems, ours first, in all kinds of number that can be computed on the device."""
    found = []
    for preset, (numbers, precision) in product(presets, PRECISIONS.items()):
        if torch.device(device).type in precision.devices:
            parts = ["ours", *([preset] if preset != "full" else []), *([numbers] if numbers != "float32" else [])]
            found.append(System("-".join(parts), "ours", "ours", numbers=numbers, preset=preset))
    found.append(System("fairseq-cmlm", "fairseq-cmlm", "fairseq-cmlm"))
    models = [f"{encoder}-{decoder}" for encoder, decoder in autoregressive_layers]
    for model in models:
        found += [System(f"fairseq-{model}-beam{beam}", "fairseq", model, beam) for beam in (1, 5)]
    for model in models:
        for beam in (1, 5):
            for numbers in ("float32", "int8"):
                found.append(System(f"ctranslate2-{model}-beam{beam}-{numbers}", "ctranslate2", model, beam, numbers))
    return found


def chosen(systems: Sequence[System], patterns: Sequence[str]) -> list[System]:
    """The systems whose names match one of the shell patterns."""
    for pattern in patterns:
        if not any(fnmatchcase(system.name, pattern) for system in systems):
            names = ", ".join(system.name for system in systems)
            raise OptionError(f"--systems {pattern} matches none of {names}")
    return [system for system in systems if any(fnmatchcase(system.name, pattern) for pattern in patterns)]


@dataclass(frozen=True)
class Case:
    """A row of the table: a system and how it decodes; iterations T and candidates l are None for left-to-right."""

    system: System
    iterations: Optional[int]
    candidates: Optional[int]
    batch_size: int
    threads: int


class Environment(NamedTuple):
    """Where the models lie and run. With `forced` every system decodes the references' lengths.

    checkpoints  model -> fairseq's checkpoint
    converted    autoregressive model -> CTranslate2's folder
    data         folder of the dictionaries
    """

    checkpoints: dict[str, Path]
    converted: dict[str, Path]
    data: Path
    device: str
    forced: bool


class Decoded(NamedTuple):
    """What a decoder did with one sentence.

    words    its best translation, subwords
    lengths  of all its hypotheses or candidates, tokens with `</s>`
    passes   of each of them: how often the decoder was called for it
    """

    words: list[str]
    lengths: list[int]
    passes: list[int]


class Decoder(Protocol):
    """A system made ready. Only `decode` is timed."""

    def prepare(self, batch: Sequence[Sentence]) -> Any:
        """The batch as the decoder takes it."""

    def decode(self, prepared: Any) -> Any:
        """Translate it."""

    def read(self, prepared: Any, result: Any) -> list[Decoded]:
        """What was done, in the order of the batch."""

    def forced_lengths(self, batch: Sequence[Sentence]) -> list[list[int]]:
        """The lengths that each sentence of the batch is decoded with where lengths are forced, ascending."""

    def passes(self, length: int) -> int:
        """How often the decoder is called for a hypothesis of this length."""


class WrongDecodingError(Exception):
    """A system did not do what it was measured for."""


def check(
    system: System, decoder: Decoder, batch: Sequence[Sentence], decoded: Sequence[Decoded], forced: bool
) -> None:
    """Raise unless every sentence was decoded with the intended lengths and number of passes.

    A preset that ends passes early may take fewer.
    """
    name = system.name
    if len(decoded) != len(batch):
        raise WrongDecodingError(f"{name} translated {len(decoded)} of {len(batch)} sentences")
    for one, lengths in zip(decoded, decoder.forced_lengths(batch)):
        if forced and sorted(one.lengths) != lengths:
            raise WrongDecodingError(f"{name} decoded the lengths {one.lengths} instead of {lengths}")
        passes = [decoder.passes(length) for length in one.lengths]
        early = system.preset != "full" and all(made <= most for made, most in zip(one.passes, passes))
        if one.passes != passes and not early:
            raise WrongDecodingError(f"{name} made {one.passes} passes at the lengths {one.lengths}, not {passes}")
