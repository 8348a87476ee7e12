"""How often decoding makes the host wait for a GPU: a few times for a batch, and not at every pass."""

from __future__ import annotations

from collections import ChainMap, Counter
from typing import Any

import pytest
import torch
from fake_gpu import FakeGpu
from test_decode import SOURCE, SYMBOLS, network
from torch import Tensor

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.search import SEARCH_ORDERS
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.template import Blank, Template
from fairseq_cmlm.decoding.trace import Trace
from fairseq_cmlm.inference.decode import Candidates, decode
from fairseq_cmlm.inference.left_to_right import LeftToRight
from fairseq_cmlm.inference.readers import Judges
from fairseq_cmlm.inference.start import Inputs
from fairseq_cmlm.model.network import Network

# (function, operation) -> how often for a batch, whatever its size.
FOR_A_BATCH = {
    ("packing_of", "_local_scalar_dense"): 1,  # how much of the source is no padding
    ("fully_masked", "_local_scalar_dense"): 1,  # the longest candidate
    ("plan_of", "_to_copy"): 1,  # the lengths
    ("__init__", "_to_copy"): 1,
    ("refine", "_to_copy"): 1,
    ("refuse_nan", "_local_scalar_dense"): 1,
    ("_ranked", "_to_copy"): 7,  # the result, when all is done
    ("<dictcomp>", "_to_copy"): 1,  # the scores of each chooser
}


def both(
    given: dict[str, Any] | None = None, trace: Trace | None = None, *, judged: bool = False, **options: Any
) -> tuple[Candidates, Candidates, Counter[tuple[str, str]]]:
    """The candidates on the CPU and on the fake GPU, and the waits there; `judged` by the network itself."""

    def judges(reader: Network) -> Judges:
        judge = LeftToRight(reader, SYMBOLS) if judged else None
        return Judges(rescorer=judge, planner=judge)

    made, decoding = network(), Decoding.of(**options)
    here = decode([made], Inputs(SOURCE, **(given or {})), decoding, SYMBOLS, judges=judges(made))
    with FakeGpu() as gpu:
        with torch.device("gpu"):
            there = network()
        there.load_state_dict(made.state_dict())
        source = SOURCE.to("gpu")
        gpu.waits.clear()
        found = decode([there], Inputs(source, **(given or {})), decoding, SYMBOLS, trace, judges(there))
    return here, found, gpu.waits


def test_a_counted_plan_waits_for_nothing_between_its_passes() -> None:
    _, _, waits = both(iterations=6)
    assert dict(waits) == FOR_A_BATCH


@pytest.mark.parametrize("planned", [False, True])
def test_a_judge_adds_a_few_waits_for_a_batch_and_none_for_a_pass(
    planned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading: dict[str, Any] = {"choose_by": "autoregressive", "rescore_with": "x"}
    if planned:
        reading |= {"plan_by": "autoregressive", "plan_with": "x"}
    asked: list[int] = []

    def counted(network: Network, *given: Any) -> Tensor:
        asked.append(1)
        return log_probs(network, *given)

    log_probs = Network.log_probs_from_left
    monkeypatch.setattr(Network, "log_probs_from_left", counted)
    here, found, waits = both(judged=True, iterations=6, **reading)
    assert found.tokens.equal(here.tokens)
    assert len(asked) == 2 * (6 if planned else 1), "here and there"
    # Its source is encoded, the candidates that are left are found, and a score more comes back.
    added = {("packing_of", "_local_scalar_dense"): 1, ("compare", "nonzero"): 1, ("<dictcomp>", "_to_copy"): 1}
    added |= {("of", "_local_scalar_dense"): 1, ("of", "_to_copy"): 1}
    assert Counter(waits) - Counter(FOR_A_BATCH) == added


def by_number(found: Candidates) -> tuple[Tensor, Tensor]:
    """The tokens and scores of the candidates in the order in which they were decoded."""
    order = found.numbers.argsort(dim=1)
    tokens = found.tokens.gather(1, order[:, :, None].expand_as(found.tokens))
    return tokens, found.scores.gather(1, order)


@pytest.mark.parametrize(
    "options",
    [
        *({"strategy": strategy} for strategy in ChainMap(SEARCH_ORDERS, STRATEGIES)),
        {"preset": "fast"},
        {"stop_unchanged": 2, "confidence_threshold": 0.9},
        {"halve_candidates": 2},
        {"iterations_per_token": 0.5},
        {"original": True},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_the_tokens_are_the_cpus_and_a_pass_waits_at_most_once(options: dict[str, Any]) -> None:
    here, found, waits = both(**options)
    # By number: candidates of nearly the same score may change places where another device rounds otherwise.
    (tokens, scores), (expected, close) = (by_number(one) for one in (found, here))
    assert tokens.equal(expected) and scores.allclose(close, atol=1e-5)
    # A search asks for the number of masks and of real positions, and for one thing in each pass.
    assert sum(waits.values()) <= sum(FOR_A_BATCH.values()) + 1 + int(found.passes.max())


def test_templates_and_the_trace_come_over_together() -> None:
    """A template's lengths are chosen on the host: their probabilities come, and the canvas goes without a wait."""
    trace = Trace(alternatives=2)
    given = {"templates": [Template([7, Blank(), 8])] * len(SOURCE)}
    here, found, waits = both(given, trace, iterations=3)
    assert found.tokens.equal(here.tokens)
    of_the_trace = {("moved", "_to_copy"): 10 * len(trace.passes), ("<genexpr>", "_to_copy"): 2 * len(trace.passes)}
    expected = {**FOR_A_BATCH, ("_with_templates", "_to_copy"): 1, **of_the_trace}
    assert dict(waits) == {name: count for name, count in expected.items() if name[0] != "fully_masked"}
    assert trace.of_row(0, 4)[0].read[0] == 7  # outside of the device: it is on the host
