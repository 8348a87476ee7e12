"""Decoding on a CUDA device against the CPU: tokens, waits, memory, lower precision and captured passes."""

from __future__ import annotations

import warnings
from collections import ChainMap
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from test_captured import BATCHES
from test_decode import SOURCE, SYMBOLS, network
from test_waits import FOR_A_BATCH
from torch import Tensor, nn

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.search import SEARCH_ORDERS
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.template import Blank, Template
from fairseq_cmlm.decoding.trace import Trace
from fairseq_cmlm.inference.captured import CapturedPasses
from fairseq_cmlm.inference.decode import Candidates, decode
from fairseq_cmlm.inference.likelihood import likelihood_bound
from fairseq_cmlm.inference.start import Inputs
from fairseq_cmlm.model.layer import LayerSize
from fairseq_cmlm.model.network import Network, NetworkSize, build_network
from fairseq_cmlm.model.precision import PRECISIONS
from fairseq_cmlm.sentence_random import sentence_keys, uniform_numbers

DEVICE = "cuda"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and there is none"),
]
WAYS = [
    *({"strategy": strategy} for strategy in ChainMap(SEARCH_ORDERS, STRATEGIES)),
    {"preset": "fast"},
    {"stop_unchanged": 2, "confidence_threshold": 0.9},
    {"original": True},
]
each_way = pytest.mark.parametrize("options", WAYS, ids=lambda options: "-".join(map(str, options.values())))


@cache
def usual() -> Network:
    """A network of 256 features and 3 + 3 layers, on the CPU."""
    torch.manual_seed(0)
    layer = LayerSize(256, 1024, 4, False, 0.0, 0.0, 0.0)
    made = build_network(NetworkSize(layer, layer, 3, 3, words=(9000, 9000), positions=(64, 64), pads=(1, 1)))
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.08)
    return made.eval()


@cache
def sentences() -> Tensor:
    """8 sources of 4 to 30 tokens."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(4, 31, (8, 1), generator=generator)
    tokens = torch.randint(4, 8999, (8, 30), generator=generator)
    place = torch.arange(30)
    return tokens.masked_fill(place == lengths - 1, 2).masked_fill(place >= lengths, 1)


def run(model: Network, source: Tensor, captured: CapturedPasses | None = None, **options: Any) -> Candidates:
    words, device = len(model.decoder.output.weight), model.decoder.output.weight.device
    symbols = replace(SYMBOLS, mask=words - 1)
    return decode([model], Inputs(source.to(device)), Decoding.of(**options), symbols, captured=captured)


@each_way
def test_the_tokens_are_the_cpus(options: dict[str, Any]) -> None:
    model = network()
    here, found = run(model, SOURCE, **options), run(deepcopy(model).to(DEVICE), SOURCE, **options)
    assert found.tokens.equal(here.tokens) and found.passes.equal(here.passes)
    assert found.scores.allclose(here.scores, atol=1e-4)


def test_targets_with_blanks_and_the_trace_are_the_cpus() -> None:
    model, traces = network(), (Trace(alternatives=2), Trace(alternatives=2))
    sets = torch.zeros(1, 20, dtype=torch.bool)
    sets[:, 5:12] = True
    found = []
    for device, trace in zip(("cpu", DEVICE), traces):
        templates = [Template([7, Blank(1, 6, first_set=2), 8])] * len(SOURCE)
        inputs = Inputs(SOURCE.to(device), templates=templates, token_sets=sets.to(device))
        found.append(decode([model.to(device)], inputs, Decoding.of(iterations=4), SYMBOLS, trace))
    assert found[0].tokens.equal(found[1].tokens)
    rows = [trace.of_row(int(found[0].numbers[0, 0]), 4) for trace in traces]
    assert [made.why for made in rows[0]] == [made.why for made in rows[1]]


@pytest.mark.parametrize("preset", ["full", "fast"])
def test_a_network_of_usual_size_agrees(preset: str) -> None:
    """Rounding may part two nearly equal tokens, and then all that follows in that candidate."""
    options = {"length_beam": 3, "preset": preset}
    here, found = run(usual(), sentences(), **options), run(deepcopy(usual()).to(DEVICE), sentences(), **options)
    width = min(here.tokens.size(2), found.tokens.size(2))
    assert here.tokens[..., :width].eq(found.tokens[..., :width]).float().mean() > 0.97
    assert (here.scores[:, 0] - found.scores[:, 0]).abs().median() < 1e-3


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_lower_precision_is_nearly_as_sure(dtype: str) -> None:
    whole, model = deepcopy(usual()).to(DEVICE), deepcopy(usual()).to(DEVICE)
    PRECISIONS[dtype].lower(model)
    here, found = (run(each, sentences(), length_beam=3).scores[:, 0] for each in (whole, model))
    assert found.isfinite().all() and (here.mean() - found.mean()).abs() < 0.1 * here.mean().abs()


def waits(model: Network, captured: CapturedPasses | None = None, **options: Any) -> int:
    """How often CUDA made the host wait in a decoding, as torch says."""
    source = SOURCE.to(DEVICE)
    run(model, source, captured, **options)  # what is loaded and recorded at the first call
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            run(model, source, captured, **options)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing" in str(warning.message) for warning in caught)


@pytest.mark.parametrize("capture", [False, True])
def test_nothing_waits_between_the_passes(capture: bool) -> None:
    model, passes = network().to(DEVICE), CapturedPasses() if capture else None
    few, many = (waits(model, passes, iterations=iterations) for iterations in (4, 8))
    assert few == many <= sum(FOR_A_BATCH.values())


def test_an_uncounted_pass_waits_once() -> None:
    model = network().to(DEVICE)
    few, many = (waits(model, halve_candidates=9, iterations=iterations) for iterations in (4, 8))
    assert many - few <= 4


@each_way
def test_captured_passes_give_the_same_tokens(options: dict[str, Any]) -> None:
    model, passes = network().to(DEVICE), CapturedPasses()
    for source in (*BATCHES, *BATCHES):
        found, plain = run(model, source, passes, **options), run(model, source, **options)
        assert found.tokens.equal(plain.tokens) and found.passes.equal(plain.passes)
        assert found.scores.allclose(plain.scores, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_captured_passes_of_a_usual_network(dtype: str) -> None:
    model, passes = deepcopy(usual()).to(DEVICE), CapturedPasses()
    PRECISIONS[dtype].lower(model)
    for part in sentences().split(1)[:6]:
        found, plain = run(model, part, passes, length_beam=3), run(model, part, length_beam=3)
        assert found.tokens.eq(plain.tokens).float().mean() > (0.97 if dtype == "float32" else 0.5)
        assert found.scores[:, 0].allclose(plain.scores[:, 0], rtol=0.1)


@pytest.mark.parametrize("capture", [False, True])
def test_memory_comes_back(capture: bool) -> None:
    model, passes = deepcopy(usual()).to(DEVICE), CapturedPasses() if capture else None
    used = []
    for _ in range(4):
        run(model, sentences(), passes, length_beam=3)
        torch.cuda.synchronize()
        used.append(torch.cuda.memory_allocated())
    assert used[1] == used[2] == used[3]
    assert torch.cuda.max_memory_allocated() < 4e9


def test_random_numbers_and_likelihoods_are_the_cpus() -> None:
    numbers = torch.arange(100)
    keys = [sentence_keys(1, 2, numbers.to(device)) for device in ("cpu", DEVICE)]
    assert keys[1].cpu().equal(keys[0])
    assert uniform_numbers(keys[1], 50).cpu().equal(uniform_numbers(keys[0], 50))
    model, target = network(), torch.tensor([[5, 6, 7, 2], [8, 2, 1, 1], [2, 1, 1, 1]])
    here = likelihood_bound(model, SOURCE, target, SYMBOLS.mask, samples=4)
    found = likelihood_bound(model.to(DEVICE), SOURCE.to(DEVICE), target.to(DEVICE), SYMBOLS.mask, samples=4)
    assert found.tokens.cpu().allclose(here.tokens, rtol=1e-4)
