"""The graphs of a bundle: encode a source once, then read canvases over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Union

import numpy as np

from fairseq_cmlm.errors import BundleError
from fairseq_cmlm.runtime.arrays import Array
from fairseq_cmlm.runtime.manifest import GRAPH, GRAPHS, Manifest, intact
from fairseq_cmlm.text.packages import imported


class Encoded(NamedTuple):
    """length_logits (L,), and the keys and values of the source by the names of the step's inputs."""

    length_logits: Array
    memory: dict[str, Array]


class Layout(NamedTuple):
    """n rows of `real` (n, T) tokens side by side, as the step reads them: its inputs but for what the rows hold.

    grid  (n, T) which of the R tokens stands there; any where there is padding
    """

    places: Array
    grid: Array
    inputs: dict[str, Array]

    @classmethod
    def of(cls, real: Array) -> Layout:
        """Return the layout of rows that are `real` (n, T) bool."""
        places = np.flatnonzero(real)
        grid = np.maximum(real.ravel().cumsum() - 1, 0).reshape(real.shape)
        hidden = np.where(real, np.float32(0), np.float32(-np.inf))[:, None, None, :]
        inputs = {"positions": places % real.shape[1], "grid": grid, "hidden": hidden, "places": places}
        return cls(places, grid, inputs)


class Network:
    """A network with one kind of numbers, by its two graphs, which are files or their content."""

    def __init__(self, encoder: Union[Path, bytes], step: Union[Path, bytes], threads: int = 1) -> None:
        self._encoder, self._step = _session(encoder, threads), _session(step, threads)
        self._memory = [one.name for one in self._encoder.get_outputs()][1:]

    @classmethod
    def read(cls, folder: Path, manifest: Manifest, dtype: str, threads: int) -> Network:
        """Read the network of a bundle; `threads` share a product."""
        encoder, step = (intact(folder, manifest, GRAPH.format(name=name, dtype=dtype)) for name in GRAPHS)
        return cls(encoder, step, threads)

    def encode(self, source: Array) -> Encoded:
        """Encode a source (S,) int64."""
        length_logits, *memory = self._encoder.run(None, {"source": source})
        return Encoded(length_logits[0], dict(zip(self._memory, memory)))

    def step(self, encoded: Encoded, layout: Layout, visible: Array, masked: Array, logits: bool) -> list[Array]:
        """Read the rows `visible` (n, T) and predict what is `masked` (n, T) bool.

        The best token that may stand inside a row (M,), its log-probability (M,), and that of `</s>` (M,), natural log;
        and the logits (M, V), if they are wanted.
        """
        asked = layout.grid[masked]
        inputs = {"tokens": visible.ravel()[layout.places], "asked": asked, **layout.inputs, **encoded.memory}
        names = ["token", "log_prob", "end_log_prob"]
        *found, last = self._step.run([*names, "logits"] if logits else names, inputs)
        return [*(one[:, 0] for one in found), last if logits else last[:, 0]]


def _session(graph: Union[Path, bytes], threads: int) -> Any:
    onnxruntime = imported("onnxruntime", "a bundle")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Threads that wait by spinning take the processor from the other graph's: two take three times the time of one.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors, which are raised as well
    given = graph if isinstance(graph, bytes) else str(graph)
    try:
        return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class of errors for each status
        name, reason = "a graph" if isinstance(graph, bytes) else graph, str(error).partition("\n")[0]
        raise BundleError(f"onnxruntime {onnxruntime.__version__} cannot read {name} ({reason}): update it") from None
