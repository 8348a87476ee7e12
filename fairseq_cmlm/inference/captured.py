"""Captured passes: the decoders' kernels are recorded once on a GPU and then launched together, as a CUDA graph.

A pass over few rows consists of hundreds of small kernels, which a GPU runs faster than the host launches them. A graph
has one shape and reads and writes fixed memory. So canvases and sources are padded to a multiple of GRAIN, all rows
stay until the last is finished, and the states of every position are computed, from which the loop picks those that it
needs. Rows depend neither on each other nor on padding, so the tokens equal those of ordinary passes.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any, Callable, Hashable, Optional, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.loop import Query
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.inference.predictor import Predictor
from fairseq_cmlm.model.attention import Memory
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.packing import Packing

GRAIN = 8
KEPT = 32  # recorded passes kept; each has its own keys, values and graph
States = list[Tensor]  # the states of each decoder, (R, D)
# (function, device) -> a function that replays it, overwriting its previous result
Record = Callable[[Callable[[], States], torch.device], Callable[[], States]]


class CudaGraphs:
    """A recorder of kernels as CUDA graphs on one device.

    Its graphs share a memory pool, because they never run at the same time. A pool whose graphs have all been dropped
    cannot be recorded into again, so each recorder has its own.
    """

    def __init__(self) -> None:
        self._stream: Any = None
        self._pool: Any = None

    def __call__(self, function: Callable[[], States], device: torch.device) -> Callable[[], States]:
        """Record the kernels that `function` launches; return a function that launches them again."""
        if device.type != "cuda":
            raise OptionError(
                f"--capture-passes records what a GPU does, and this decodes on the {device}: leave it out"
            )
        # Streams are made on the current device, which need not be that of the network.
        with torch.cuda.device(device):
            if self._pool is None:
                self._stream, self._pool = torch.cuda.Stream(), torch.cuda.graph_pool_handle()  # type: ignore[no-untyped-call]
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                function()  # warm-up: libraries choose kernels and allocate memory, which cannot be recorded
            torch.cuda.current_stream().wait_stream(self._stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"):
                found = function()

        def replay() -> States:
            graph.replay()
            return found

        return replay


class CapturedPasses:
    """The recorded passes of models, by shape; the least recently used are dropped.

    lock  held while a batch is decoded, because all batches share the memory of the passes
    """

    def __init__(self, record: Optional[Record] = None) -> None:
        self.lock = Lock()
        self._record = record or CudaGraphs()
        self._passes: OrderedDict[Hashable, _Pass] = OrderedDict()

    def of(self, key: Hashable, make: Callable[[Record], _Pass]) -> _Pass:
        """Return the pass for a key; record it if there is none yet."""
        if key not in self._passes:
            self._passes[key] = make(self._record)
        self._passes.move_to_end(key)
        if len(self._passes) > KEPT:
            self._passes.popitem(last=False)
        return self._passes[key]


class CapturedPredictor(Predictor):
    """A Predictor that replays recorded decoder passes."""

    def __init__(self, *arguments: Any, captured: CapturedPasses) -> None:
        super().__init__(*arguments)
        self._captured = captured
        self._begun: dict[Hashable, _Pass] = {}

    def _features(self, query: Query) -> States:
        attend = self._memories[0][0].attend
        rows = len(query.visible) if query.rows is None else attend.size(0) * self._candidates
        shape = (rows, _rounded(query.visible.size(1)))
        if shape not in self._begun:
            weights = [(id(one), one.embedding.tokens.weight.data_ptr()) for one in self._decoders]
            key = (*shape, attend.size(0), _rounded(attend.size(3)), *weights)
            begun = self._captured.of(key, lambda record: _Pass(self._decoders, self._memories, shape, record))
            begun.begin(self._memories)
            self._begun[shape] = begun
        return self._begun[shape].states(query)


class _Pass:
    """A recorded pass: the memory that it reads, and the function that replays it."""

    def __init__(
        self, decoders: Sequence[Decoder], memories: list[list[Memory]], shape: tuple[int, int], record: Record
    ) -> None:
        like = memories[0][0].key
        # Padding only at first: words beyond the network's last position have no embedding.
        self._pad = decoders[0].pad
        self._canvas = torch.full(shape, self._pad, device=like.device)
        self._memories = [[_room(layer) for layer in memory] for memory in memories]
        everywhere = torch.arange(self._canvas.numel(), device=like.device)

        def run() -> States:
            both = zip(decoders, self._memories)
            return [one.features(self._canvas, Packing(None, *shape), memory, everywhere) for one, memory in both]

        self._replay = record(run, like.device)

    def begin(self, memories: list[list[Memory]]) -> None:
        """Copy in the keys and values of another batch."""
        for memory, mine in zip(memories, self._memories):
            for layer, room in zip(memory, mine):
                length = layer.attend.size(3)
                room.key[:, :, :length].copy_(layer.key)
                room.value[:, :, :length].copy_(layer.value)
                room.attend.zero_()[..., :length].copy_(layer.attend)

    def states(self, query: Query) -> States:
        """Compute the states (M, D) at the positions that a query asks for."""
        columns, width = query.visible.size(1), self._canvas.size(1)
        self._canvas[:, columns:].fill_(self._pad)
        rows = query.positions // columns
        if query.rows is None:
            self._canvas[:, :columns].copy_(query.visible)
        else:
            self._canvas[:, :columns].index_copy_(0, query.rows, query.visible)
            rows = query.rows[rows]
        places = rows * width + query.positions % columns
        return [states[places] for states in self._replay()]


def _rounded(length: int) -> int:
    return -(-length // GRAIN) * GRAIN


def _room(memory: Memory) -> Memory:
    """Return an empty memory for the keys and values of a source as long as this one's, padding included."""
    rows, heads, length, features = memory.key.shape
    key, value = (memory.key.new_zeros(rows, heads, _rounded(length), features) for _ in range(2))
    return Memory(key, value, memory.attend.new_zeros(rows, 1, 1, _rounded(length)))
