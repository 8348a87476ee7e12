"""The catalogue of what is measured, and the systems made ready for it."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import contextmanager
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any, Iterator, Mapping, NamedTuple, Sequence

import torch

from benchmarks.models import random_checkpoints
from benchmarks.options import size_of
from fairseq_cmlm.decoding.presets import PRESETS
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments.systems.autoregressive import Autoregressive
from fairseq_cmlm.experiments.systems.ctranslate2 import CTranslate2, convert
from fairseq_cmlm.experiments.systems.fairseq_masked import FairseqMasked
from fairseq_cmlm.experiments.systems.masked import Masked
from fairseq_cmlm.experiments.systems.runtime import Runtime, export
from fairseq_cmlm.experiments.systems.system import System
from fairseq_cmlm.model.precision import PRECISIONS
from fairseq_cmlm.runtime.options import presets_of

OURS, PEER, RUNTIME = "ours", "fairseq-cmlm", "runtime"


class Competitor(NamedTuple):
    """A row of the catalogue.

    kind     of system: ours, runtime, fairseq-cmlm, fairseq (autoregressive), ctranslate2
    model    whose checkpoint it uses
    options  of its Decoding or BeamSearch, by field name, that make it what it is
    """

    name: str
    kind: str
    model: str
    options: Mapping[str, Any]

    @property
    def masked(self) -> bool:
        """Tell whether it has passes T and length candidates l."""
        return self.kind in (OURS, PEER, RUNTIME)


MASKED = {name: Competitor(name, name, name, {}) for name in (OURS, PEER)}


def catalogue(
    autoregressive_layers: Sequence[tuple[int, int]], device: str, presets: Sequence[str]
) -> list[Competitor]:
    """Return all competitors, ours first, in all kinds of number that can be computed on the device."""
    kinds = [dtype for dtype, precision in PRECISIONS.items() if torch.device(device).type in precision.devices]
    found = [_ours(OURS, preset, dtype) for preset, dtype in product(presets, kinds)]
    if torch.device(device).type == "cpu":
        known = presets_of({preset: PRESETS[preset] for preset in presets})
        found += [_ours(RUNTIME, preset, dtype) for preset, dtype in product(known, ("float32", "int8"))]
    found.append(MASKED[PEER])
    models = [f"{encoder}-{decoder}" for encoder, decoder in autoregressive_layers]
    for model, beam in product(models, (1, 5)):
        found.append(Competitor(f"fairseq-{model}-beam{beam}", "fairseq", model, {"beam": beam}))
    for model, beam, dtype in product(models, (1, 5), ("float32", "int8")):
        name = f"ctranslate2-{model}-beam{beam}-{dtype}"
        found.append(Competitor(name, "ctranslate2", model, {"beam": beam, "dtype": dtype}))
    return found


def _ours(kind: str, preset: str, dtype: str) -> Competitor:
    parts = [kind, *([preset] if preset != "full" else []), *([dtype] if dtype != "float32" else [])]
    return Competitor("-".join(parts), kind, OURS, {"preset": preset, "dtype": dtype})


def chosen(competitors: Sequence[Competitor], patterns: Sequence[str]) -> list[Competitor]:
    """Return those whose names match one of the shell patterns."""
    for pattern in patterns:
        if not any(fnmatchcase(one.name, pattern) for one in competitors):
            names = ", ".join(one.name for one in competitors)
            raise OptionError(f"--systems {pattern} matches none of {names}")
    return [one for one in competitors if any(fnmatchcase(one.name, pattern) for pattern in patterns)]


def systems_of(
    competitors: Sequence[Competitor], checkpoints: Mapping[str, Path], data: Path, device: str, work: Path
) -> dict[str, System]:
    """Return the system of each competitor, by its name; competitors with one kind and model share it.

    data  folder of the dictionaries
    work  folder for what has to be converted
    """
    made: dict[tuple[str, str], System] = {}
    for _, kind, model, _ in competitors:
        if (kind, model) not in made:
            made[kind, model] = _system(kind, checkpoints[model], data, device, work / f"{model}.{kind}")
    return {one.name: made[one.kind, one.model] for one in competitors}


@contextmanager
def random_systems(options: argparse.Namespace, competitors: Sequence[Competitor]) -> Iterator[dict[str, System]]:
    """Yield the systems of competitors with random weights, whose files are there until the end."""
    with tempfile.TemporaryDirectory() as folder:
        work, needed = Path(folder), [one.model for one in competitors]
        checkpoints = random_checkpoints(size_of(options), needed, work, options.seed)
        yield systems_of(competitors, checkpoints, work, options.device, work)


def _system(kind: str, checkpoint: Path, data: Path, device: str, converted: Path) -> System:
    if kind == RUNTIME:
        return Runtime(export(checkpoint, data, converted))
    if kind == "ctranslate2":
        return CTranslate2(convert(checkpoint, data, converted), device)
    if kind == "fairseq":
        return Autoregressive(checkpoint, data, device=device, flag="--trained")
    return (Masked if kind == OURS else FairseqMasked)(checkpoint, data, device=device)
