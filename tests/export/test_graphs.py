"""The exported graphs compute what the network does, and a bundle of graphs that do not is not written."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import pytest
import torch

pytest.importorskip("onnx", reason="export needs onnx")
pytest.importorskip("onnxruntime", reason="export needs onnxruntime")

from small_network import network as small_network

from fairseq_cmlm.errors import BundleError
from fairseq_cmlm.export import network_graph
from fairseq_cmlm.export.agreement import check_graphs
from fairseq_cmlm.export.graph import LINEAR, Graph
from fairseq_cmlm.export.network_graph import encoder_graph, step_graph
from fairseq_cmlm.model.layer import LayerSize
from fairseq_cmlm.model.network import Network, NetworkSize, build_network
from fairseq_cmlm.runtime.manifest import Symbols
from fairseq_cmlm.runtime.network import Network as Graphs

SYMBOLS = Symbols(bos=0, pad=1, eos=2, unk=3, mask=14)
LIMITS = (40, 40)


def network(pre_norm: bool = False, **sizes: Any) -> Network:
    """A network with weights large enough that everything matters, narrower in the decoder than in the encoder."""
    torch.manual_seed(3)
    wide = LayerSize(24, 32, 3, pre_norm, 0.1, 0.0, 0.0)
    narrow = wide if sizes else LayerSize(16, 24, 2, pre_norm, 0.1, 0.0, 0.0)
    given = {"words": (13, 15), **sizes}
    made = build_network(NetworkSize(wide, narrow, 2, 2, positions=LIMITS, pads=(1, 1), **given)).eval()
    for parameter in made.parameters():
        parameter.data.add_(0.3 * torch.randn_like(parameter))
    return made


def graphs(made: Network, dtype: str = "float32") -> Graphs:
    linear = LINEAR[dtype]
    models = encoder_graph(made, linear), step_graph(made, linear, [0, 1, 2, 14], 2)
    return Graphs(*(one.SerializeToString() for one in models))


@pytest.mark.parametrize("pre_norm", [False, True])
@pytest.mark.parametrize("sizes", [{}, {"words": (15, 15), "share_all": True}, {"tie_output": True}], ids=str)
def test_graphs_agree_with_the_network(pre_norm: bool, sizes: dict[str, Any]) -> None:
    made = network(pre_norm, **sizes)
    check_graphs(made, graphs(made), SYMBOLS, LIMITS)
    check_graphs(made, graphs(made, "int8"), SYMBOLS, LIMITS, exact=False)


@pytest.mark.parametrize(
    ("banned", "end", "message"),
    [([], 2, "the token that it calls the best"), ([0, 1, 2, 14], 5, "the log-probability of </s>")],
)
def test_a_step_that_contradicts_its_logits_is_refused(banned: list[int], end: int, message: str) -> None:
    made = network()
    made.decoder.output.weight.data[[0, 1, 14]] *= 50  # so that control symbols would be the best
    models = encoder_graph(made, LINEAR["float32"]), step_graph(made, LINEAR["float32"], banned, end)
    with pytest.raises(BundleError, match=message):
        check_graphs(made, Graphs(*(one.SerializeToString() for one in models)), SYMBOLS, LIMITS)


def test_eight_bits_of_another_model_are_refused() -> None:
    made = network()
    with pytest.raises(BundleError, match="the exported int8 graphs differ from the model by"):
        other = network(pre_norm=True)
        check_graphs(made, graphs(other, "int8"), SYMBOLS, LIMITS, exact=False)


def test_a_network_that_writes_few_tokens_can_be_checked() -> None:
    made = small_network().eval()
    check_graphs(made, graphs(made), SYMBOLS, (2, 3))


def scaled_scores(graph: Graph, query: str, key: str, value: str, hidden: Any) -> str:
    scores = graph.add("Mul", graph.add("MatMul", query, key), graph.constant(1.1))
    scores = scores if hidden is None else graph.add("Add", scores, hidden)
    return graph.add("Transpose", graph.add("MatMul", graph.add("Softmax", scores, axis=-1), value), perm=[0, 2, 1, 3])


def without_mask(graph: Graph, query: str, key: str, value: str, hidden: Any) -> str:
    found = graph.add("MatMul", graph.add("Softmax", graph.add("MatMul", query, key), axis=-1), value)
    return graph.add("Transpose", found, perm=[0, 2, 1, 3])


@pytest.mark.parametrize("wrong", [scaled_scores, without_mask])
def test_graphs_that_differ_are_refused(wrong: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    made = network()
    monkeypatch.setattr(network_graph, "_mixed", wrong)
    with pytest.raises(BundleError, match="the exported graphs differ from the model by"):
        check_graphs(made, graphs(made), SYMBOLS, LIMITS)


def test_graphs_with_a_causal_mask_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the network were causal as well, so that the numbers agree."""
    made, own = network(), network_graph._mixed

    def causal(graph: Graph, query: str, key: str, value: str, hidden: Any) -> str:
        if hidden is None:
            return own(graph, query, key, value, hidden)
        size = graph.add("Shape", key, start=3)
        square = graph.add("Expand", graph.constant(1.0), graph.add("Concat", size, size, axis=0))
        below = graph.add("Trilu", square, upper=0)
        later = graph.add("Where", graph.add("Cast", below, to=9), graph.constant(0.0), graph.constant(-np.inf))
        return own(graph, query, key, value, graph.add("Add", hidden, later))

    monkeypatch.setattr(network_graph, "_mixed", causal)
    monkeypatch.setattr("fairseq_cmlm.export.agreement._check_numbers", lambda *given: None)
    with pytest.raises(BundleError, match="no position sees what stands to its right"):
        check_graphs(made, graphs(made), SYMBOLS, LIMITS)


@pytest.mark.parametrize(("dtype", "off"), [("float32", 1e-6), ("int8", 0.02)])
@pytest.mark.parametrize("bias", [False, True])
def test_products_with_weights(dtype: str, off: float, bias: bool) -> None:
    import onnxruntime

    numbers = np.random.default_rng(0)
    weight, x = (numbers.normal(size=size).astype(np.float32) for size in ((9, 16), (5, 16)))
    added = numbers.normal(size=9).astype(np.float32) if bias else None
    graph = Graph("product", LINEAR[dtype])
    graph.output("y", graph.linear(graph.input("x", np.float32, ["R", 16]), weight, added), np.float32, ["R", 9])
    (found,) = onnxruntime.InferenceSession(graph.model().SerializeToString()).run(None, {"x": x})
    wanted = x @ weight.T + (0 if added is None else added)
    assert np.abs(found - wanted).max() < off * np.abs(wanted).max()
    assert dtype == "float32" or np.abs(found - wanted).max() > 1e-4  # it is in 8 bits
