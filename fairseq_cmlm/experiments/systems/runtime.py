"""The runtime: a bundle that a model of this package was exported to."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Iterator, Optional, Sequence

import numpy as np

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.experiments.sentences import Sentence, lengths_around
from fairseq_cmlm.experiments.systems.system import Decoded, System
from fairseq_cmlm.options import declared
from fairseq_cmlm.runtime import Bundle
from fairseq_cmlm.runtime.arrays import Array
from fairseq_cmlm.runtime.lengths import LengthCandidates
from fairseq_cmlm.runtime.options import SUPPORTED
from fairseq_cmlm.translation import Translation

HAS_ONNX = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))
OPTIONS = (*SUPPORTED, "gold_target_length")  # of a Decoding, that the system follows
MISSING = "onnx or onnxruntime is not installed and the runtime's rows are left out: pip install onnx onnxruntime"


def export(checkpoint: Path, data: Path, folder: Path) -> Path:
    """Export a checkpoint into the new `folder`; the bundle reads subwords, as all that is compared here does."""
    from fairseq_cmlm.export.bundle import export as export_bundle

    export_bundle(checkpoint, folder, data, text_pipeline="none")
    return folder


@dataclass(frozen=True)
class Runtime(System):
    """The bundle in `folder`, which reads subwords."""

    folder: Path
    device: str = "cpu"

    def job(self, decoding: Decoding, threads: int) -> _BundleJob:
        """Open the bundle with the decoding's dtype."""
        bundle = _TargetLengthBundle(self.folder, dtype=decoding.dtype, threads=threads)
        carried = replace(decoding, gold_target_length=False)  # a bundle has no such option
        given = {one.name: getattr(carried, one.name) for one in declared(carried)}
        return _BundleJob(bundle, decoding.gold_target_length, given)


class _TargetLengthBundle(Bundle):
    """A bundle whose candidates have lengths around those of the references, where `target_lengths` is set.

    target_lengths  those of the texts of the next `translate`, in their order
    """

    target_lengths: Optional[Iterator[int]] = None

    def _length_candidates(self, decoding: Any, log_probs: Array, source: Array) -> LengthCandidates:
        if self.target_lengths is None:
            return super()._length_candidates(decoding, log_probs, source)
        lengths = np.array(lengths_around(next(self.target_lengths), decoding.length_beam))
        return LengthCandidates(lengths, np.zeros(len(lengths), np.float32), len(lengths))


class _BundleJob:
    """A bundle at work: one sentence after the other, whatever the batch.

    forced  whether it decodes the references' lengths
    """

    def __init__(self, bundle: _TargetLengthBundle, forced: bool, options: dict[str, Any]) -> None:
        self._bundle, self._forced, self._options = bundle, forced, options

    def prepare(self, batch: Sequence[Sentence]) -> tuple[list[str], list[int]]:
        """Return the sources and the references' lengths."""
        return [" ".join(one.source) for one in batch], [one.target_length for one in batch]

    def work(self, prepared: tuple[list[str], list[int]]) -> list[Translation]:
        """Return the translations."""
        sources, lengths = prepared
        if self._forced:
            self._bundle.target_lengths = iter(lengths)
        return self._bundle.translate(sources, **self._options)

    def finish(self, batch: Sequence[Sentence], prepared: Any, result: list[Translation]) -> list[Decoded]:
        """Return what was done."""
        return [
            Decoded(
                tokens=found.text.split(),
                lengths=[one.length for one in found.candidates],
                passes=[one.passes for one in (*found.candidates, *found.given_up)],
                others=[one.text.split() for one in found.candidates[1:]],
            )
            for found in result
        ]
