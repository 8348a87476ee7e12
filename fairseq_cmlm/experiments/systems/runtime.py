"""The runtime: a bundle that a model of this package was exported to."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Sequence

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.experiments.sentences import Sentence
from fairseq_cmlm.experiments.systems.system import Decoded, System
from fairseq_cmlm.options import declared

if TYPE_CHECKING:
    from fairseq_cmlm.runtime import Bundle
    from fairseq_cmlm.translation import Translation

HAS_ONNX = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))
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
        from fairseq_cmlm.runtime import Bundle

        given = {one.name: getattr(decoding, one.name) for one in declared(decoding)}
        return _BundleJob(Bundle(self.folder, dtype=decoding.dtype, threads=threads), given)


class _BundleJob:
    """A Bundle at work: one sentence after the other, whatever the batch."""

    def __init__(self, bundle: Bundle, options: dict[str, Any]) -> None:
        self._bundle, self._options = bundle, options

    def prepare(self, batch: Sequence[Sentence]) -> list[str]:
        """Return the sources."""
        return [" ".join(sentence.source) for sentence in batch]

    def work(self, prepared: list[str]) -> list[Translation]:
        """Return the translations."""
        return self._bundle.translate(prepared, **self._options)

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
