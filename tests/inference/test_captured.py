"""Captured passes, with graphs of CPU tensors: a replay makes the recorded operations, and runs no Python code."""

from __future__ import annotations

from collections import ChainMap
from typing import Any, Callable

import pytest
import torch
from fake_gpu import FakeGpu, cuda_with_graphs
from test_decode import SOURCE, SYMBOLS, network

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.search import SEARCH_ORDERS
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.template import Blank, Template
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.inference import captured as captured_passes
from fairseq_cmlm.inference.captured import CapturedPasses, CudaGraphs, States
from fairseq_cmlm.inference.decode import Candidates, decode
from fairseq_cmlm.inference.start import Inputs
from fairseq_cmlm.model.network import Network


class Recorder:
    """Records as on a GPU, and counts its recordings."""

    made = 0

    def __call__(self, function: Callable[[], States], device: torch.device) -> Callable[[], States]:
        self.made += 1
        with cuda_with_graphs():
            return CudaGraphs()(function, torch.device("cuda"))


def run(networks: list[Network], source: torch.Tensor, passes: CapturedPasses | None, **options: Any) -> Candidates:
    return decode(networks, Inputs(source), Decoding.of(**options), SYMBOLS, captured=passes)


BATCHES = (SOURCE, SOURCE.flip(0)[:, :4], SOURCE[:1])


@pytest.mark.parametrize(
    ("options", "networks"),
    [
        *(({"strategy": strategy, "length_beam": 2}, 1) for strategy in ChainMap(SEARCH_ORDERS, STRATEGIES)),
        ({"preset": "fast"}, 2),
    ],
    ids=str,
)
def test_the_tokens_are_those_of_passes_that_are_not_captured(options: dict[str, Any], networks: int) -> None:
    recorder, models = Recorder(), [network(seed) for seed in range(networks)]
    passes = CapturedPasses(recorder)
    for source in BATCHES:
        found, plain = run(models, source, passes, **options), run(models, source, None, **options)
        assert found.tokens.equal(plain.tokens) and found.passes.equal(plain.passes)
        assert found.scores.allclose(plain.scores, atol=1e-4)
    assert 0 < recorder.made <= len(BATCHES)


def test_a_shape_is_recorded_once_and_only_some_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, model = Recorder(), network()
    passes = CapturedPasses(recorder)

    def decoded(length: int) -> int:
        """Decode so many tokens, and count the recordings. Of a longer target nothing may be left in the canvas."""
        before = recorder.made
        found, plain = (run([model], SOURCE[:1], one, length_budget=length, iterations=3) for one in (passes, None))
        assert found.tokens.equal(plain.tokens) and found.scores.allclose(plain.scores, atol=1e-4)
        return recorder.made - before

    assert [decoded(length) for length in (7, 4, 3, 8, 3)] == [1, 0, 0, 1, 0]
    assert run([network(1)], SOURCE[:1], passes, length_budget=3) and recorder.made == 3  # another model
    monkeypatch.setattr(captured_passes, "KEPT", 2)
    passes = CapturedPasses(recorder)
    assert [decoded(length) for length in (17, 3, 8, 3, 17)] == [1, 1, 1, 0, 1]


def test_the_longest_target_fits() -> None:
    """Its canvas is padded beyond the positions that the network has."""
    longest = captured_passes.GRAIN * 2 + 1
    found = run([network(longest=longest)], SOURCE[:1], CapturedPasses(Recorder()), length_budget=longest - 1)
    assert found.lengths.tolist() == [[longest]]


def test_targets_with_token_sets() -> None:
    sets = torch.zeros(1, 20, dtype=torch.bool)
    sets[:, 5] = True
    inputs = Inputs(SOURCE[:1], templates=[Template([7, Blank(1, 1, first_set=2)])], token_sets=sets)
    found = decode([network()], inputs, Decoding.of(), SYMBOLS, captured=CapturedPasses(Recorder()))
    assert found.tokens[0, 0].tolist() == [7, 5, 2]


def test_a_replayed_pass_launches_little() -> None:
    """A tenth of the launches of a pass, though this network has two layers: what the loop does, and one replay."""
    counts = {}
    for capture in (False, True):
        with FakeGpu() as gpu:
            with torch.device("gpu"):
                model = network()
            source = SOURCE.to("gpu")

            def quiet(function: Callable[[], States], _: object, gpu: FakeGpu = gpu) -> Callable[[], States]:
                def replay() -> States:
                    before = gpu.launches
                    found = function()
                    gpu.launches = before + 1
                    return found

                return replay

            passes = CapturedPasses(quiet) if capture else None
            for iterations in (4, 8):
                run([model], source, passes, iterations=iterations)
                counts[capture, iterations] = gpu.launches
                gpu.launches = 0
            waits = gpu.waits
    of_a_pass = [(counts[capture, 8] - counts[capture, 4]) / 4 for capture in (False, True)]
    assert of_a_pass[1] < of_a_pass[0] / 3, of_a_pass
    assert not [name for name in waits if name[0] in ("states", "begin", "_features")]


def test_the_cpu_is_refused() -> None:
    with pytest.raises(OptionError, match="--capture-passes records what a GPU does, and this decodes on the cpu"):
        run([network()], SOURCE, CapturedPasses(CudaGraphs()))
