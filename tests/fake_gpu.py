"""A GPU made of CPU tensors: its numbers are real, and what would make the host wait for a device is recorded.

torch's own fakes (the meta device, FakeTensorMode) hold no numbers, and decoding cannot run without any. Here a tensor
says that it is on the device "gpu" and keeps its numbers in a CPU tensor. An operation that mixes devices raises, as
CUDA's do. torch lets a device be made in Python (privateuse1): the name, and what autograd asks of a device, are its.
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, Iterator
from unittest import mock

import pytest
import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

import fairseq_cmlm

DEVICE = "gpu:0"
_PACKAGE = str(Path(fairseq_cmlm.__file__).parent)
aten = torch.ops.aten
# What reads numbers of the device: the size of the result depends on them, or the host asks for them.
_READS = {
    aten._local_scalar_dense,
    aten.equal,
    aten.masked_select,
    aten.nonzero,
    aten.repeat_interleave,
    aten._unique2,
    aten.unique_dim,
    aten.bincount,
}
_COPIES = {aten._to_copy, aten.copy_}
_INDEXES = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_, aten._unsafe_index}


class _Module:
    """torch.gpu: there is one, as long as it is used."""

    available = False

    def is_initialized(self) -> bool:
        return True

    def is_available(self) -> bool:
        return self.available

    def current_device(self) -> int:
        return 0

    def _is_in_bad_fork(self) -> bool:
        return False

    def manual_seed_all(self, seed: int) -> None:
        """It has no random numbers of its own."""

    def device_count(self) -> int:
        return int(self.available)

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


@cache
def _register() -> None:
    """Make the device known to torch, once for the life of the process."""
    if torch.cuda.is_available():
        pytest.skip("beside a real device torch would take the fake one for the device of pinned memory")
    if not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"):
        pytest.skip("this torch cannot be given a device made in Python")
    backend_registration._setup_privateuseone_for_python_backend("gpu", _Module())


class OnDevice(Tensor):
    """A tensor on the fake device, and the CPU tensor `held` with its numbers."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Any:
        layout = {"strides": held.stride(), "storage_offset": held.storage_offset()}
        return torch.Tensor._make_wrapper_subclass(cls, held.shape, dtype=held.dtype, device=DEVICE, **layout)

    def __init__(self, held: Tensor) -> None:
        self.held = held

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError(f"{func} on the fake device outside of FakeGpu")


class FakeGpu(TorchDispatchMode):
    """The device.

    waits     where the package made the host wait: (function, operation) -> how often
    launches  how many operations were made on the device, views left out
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: Counter[tuple[str, str]] = Counter()
        self.launches = 0
        self._pinned: set[int] = set()
        self._keep: list[Tensor] = []
        self._patches = ExitStack()

    def __enter__(self) -> FakeGpu:
        _register()
        _Module.available = True
        # The thread of a device would have to be there before torch's first backward pass.
        self._patches.enter_context(torch.autograd.set_multithreading_enabled(False))
        # What torch does in C++ without asking a mode.
        made, listed = torch.tensor, Tensor.tolist
        for owner, name, own in (
            (Tensor, "pin_memory", lambda tensor: self._pin(tensor)),
            (Tensor, "tolist", lambda tensor: listed(tensor.cpu())),
            (torch, "tensor", lambda data, device=None, **how: made(data, **how).to(device or "cpu")),
        ):
            self._patches.enter_context(mock.patch.object(owner, name, own))
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        _Module.available = False
        self._patches.close()

    def _pin(self, tensor: Tensor) -> Tensor:
        assert tensor.is_cpu, "only CPU memory can be pinned"
        pinned = tensor.clone()
        self._keep.append(pinned)  # as an address may be given out again
        self._pinned.add(pinned.data_ptr())
        return pinned

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        packet = func.overloadpacket
        tensors = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, Tensor)]
        here = [one for one in tensors if isinstance(one, OnDevice)]
        target = kwargs.get("device")
        if packet is aten._fused_sdp_choice and here:
            return 0  # the plain kernel, the only one that is no device's own
        if packet in _COPIES:
            self._copied(packet, args, kwargs)
        elif here:
            self._checked(func, tensors)
            self._counted(packet, args)
        on_device = bool(here) if target is None else torch.device(target).type == "gpu"
        if target is not None:
            kwargs["device"] = torch.device("cpu")
        self.launches += on_device and not func.is_view
        found = func(*tree_map(_held, args), **tree_map(_held, kwargs))
        if not on_device:
            return found
        known = {id(one.held): one for one in here}
        return tree_map(lambda one: known[id(one)] if id(one) in known else _placed(one), found)

    def _checked(self, func: Any, tensors: list[Tensor]) -> None:
        """Raise if a tensor of the CPU that is no single number takes part; indices may."""
        there = [one for one in tensors if not isinstance(one, OnDevice) and one.dim()]
        if there and func.overloadpacket not in _INDEXES:
            raise RuntimeError(f"Expected all tensors to be on the same device, but {func} has tensors of both")

    def _counted(self, packet: Any, args: Any) -> None:
        if packet in _READS:
            self._wait(packet)
        if packet in _INDEXES:
            for index in args[1]:
                if index is not None and (index.dtype in (torch.bool, torch.uint8) or not isinstance(index, OnDevice)):
                    self._wait(packet)

    def _copied(self, packet: Any, args: Any, kwargs: Any) -> None:
        """Count a copy between the devices that the host waits for."""
        if packet is aten._to_copy:
            source, target = args[0], kwargs.get("device")
            goes = isinstance(source, OnDevice) if target is None else torch.device(target).type == "gpu"
            non_blocking = kwargs.get("non_blocking", False)
        else:
            source, goes = args[1], isinstance(args[0], OnDevice)
            non_blocking = kwargs.get("non_blocking", args[2] if len(args) > 2 else False)
        if goes == isinstance(source, OnDevice) or (not source.dim() and packet is aten.copy_):
            return
        if not goes or not (non_blocking and source.data_ptr() in self._pinned):
            self._wait(packet)

    def _wait(self, packet: Any) -> None:
        frame = sys._getframe(1)
        while frame.f_back is not None and not frame.f_code.co_filename.startswith(_PACKAGE):
            frame = frame.f_back
        self.waits[frame.f_code.co_name, str(packet).removeprefix("aten.")] += 1


def _held(value: Any) -> Any:
    return value.held if isinstance(value, OnDevice) else value


def _placed(value: Any) -> Any:
    return OnDevice(value) if isinstance(value, Tensor) else value


class FakeGraph(TorchDispatchMode):
    """A CUDA graph of CPU tensors: the operations that were recorded, on the very tensors of then."""

    def __init__(self) -> None:
        super().__init__()
        self._operations: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket in _READS:
            raise RuntimeError(f"operation not permitted when stream is capturing: {func}")
        found = func(*args, **(kwargs or {}))
        self._operations.append((func, args, kwargs or {}, found))
        return found

    def replay(self) -> None:
        """Make the operations again, and write each result where it was."""
        for func, args, kwargs, found in self._operations:
            for place, value in zip(tree_flatten(found)[0], tree_flatten(func(*args, **kwargs))[0]):
                if isinstance(place, Tensor) and place.data_ptr() != value.data_ptr():
                    place.copy_(value)


@contextmanager
def cuda_with_graphs() -> Iterator[None]:
    """Put FakeGraph in the place of torch.cuda's graphs and streams."""

    def recording(graph: FakeGraph, pool: Any, stream: Any, capture_error_mode: str) -> AbstractContextManager[Any]:
        assert pool == "pool" and stream is not None and capture_error_mode == "thread_local"
        return graph

    stream = mock.Mock()
    fakes = {"Stream": stream, "current_stream": stream, "stream": lambda _: nullcontext(), "CUDAGraph": FakeGraph}
    fakes["device"] = lambda _: nullcontext()
    with mock.patch.multiple(torch.cuda, **fakes, graph=recording, graph_pool_handle=lambda: "pool"):
        yield
