"""The two graphs of a network: one encodes a source, the other reads canvases over it, pass by pass.

They take one sentence at a time: the source has no padding, all rows read the same one, and the result does not depend
on other sentences. They are written by hand, because torch's exporters need a network without packing and cannot be
told what to compute at which positions. Dimensions beside those of the package:

    n  rows in work         R  the real positions of all rows, side by side         M  those of them that are asked for
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence, cast

import numpy as np
import onnx
from torch import Tensor, nn

from fairseq_cmlm.export.graph import Graph, Linear
from fairseq_cmlm.model.attention import Attention
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.layer import DecoderLayer, EncoderLayer, FeedForward, Sublayer
from fairseq_cmlm.model.network import Network
from fairseq_cmlm.model.projection import Projection
from fairseq_cmlm.runtime.arrays import Array

_FLOAT, _INT = np.float32, np.int64


def encoder_graph(network: Network, linear: Linear) -> onnx.ModelProto:
    """Return the encoder: source (S,) -> length_logits (1, L), and the source's keys and values for each decoder layer.

    key.0 ... (1, heads, d, S) and value.0 ... (1, heads, S, d)
    """
    encoder, graph = network.encoder, Graph("encoder", linear)
    source = graph.input("source", _INT, ["S"])
    first, second = graph.constant([0], _INT), graph.constant([1], _INT)
    words = graph.add("Gather", _constant(graph, encoder.embedding.tokens.weight), source)
    table = _constant(graph, encoder.embedding.positions.weight)
    places = graph.add("Slice", table, first, graph.add("Shape", source))
    x = graph.add("Concat", _constant(graph, encoder.lengths.weight[:1]), graph.add("Add", words, places), axis=0)
    for layer in cast("list[EncoderLayer]", list(encoder.layers)):
        x = _encoder_layer(graph, layer, x)
    x = _normalised(graph, encoder.norm, x)
    slot = graph.add("Slice", x, first, second)
    logits = graph.add("Gemm", slot, _constant(graph, encoder.lengths.weight), transB=1)
    graph.output("length_logits", logits, _FLOAT, [1, "L"])
    states = graph.add("Slice", x, second, graph.constant([np.iinfo(_INT).max], _INT))
    for number, one in enumerate(cast("list[DecoderLayer]", list(network.decoder.layers))):
        _source_memory(graph, one.source_attention, states, number)
    return graph.model()


def step_graph(network: Network, linear: Linear, banned: Sequence[int], end: int) -> onnx.ModelProto:
    """Return the graph of a pass.

    banned  tokens that may stand only at the end of a row
    end     token that ends a row

    tokens, positions (R,)   the tokens of the rows, masks included, and their places in their rows
    grid (n, T)              which of the R stands at each place; anything at padding
    hidden (n, 1, 1, T)      0, or -inf at padding
    places (R,)              where in the flattened (n * T) each of the R stands
    asked (M,)               which of the R are asked for
    key.0, value.0 ...       outputs of the encoder

    -> token (M, 1), the best that is not banned, and its log_prob (M, 1); end_log_prob (M, 1), of `end`; logits (M, V)
    """
    decoder, graph = network.decoder, Graph("step", linear)
    tokens, positions = graph.input("tokens", _INT, ["R"]), graph.input("positions", _INT, ["R"])
    grid, places = graph.input("grid", _INT, ["n", "T"]), graph.input("places", _INT, ["R"])
    hidden, asked = graph.input("hidden", _FLOAT, ["n", 1, 1, "T"]), graph.input("asked", _INT, ["M"])
    words = graph.add("Gather", _constant(graph, decoder.embedding.tokens.weight), tokens)
    x = graph.add("Add", words, graph.add("Gather", _constant(graph, decoder.embedding.positions.weight), positions))
    asked_places = graph.add("Gather", places, asked)
    layers = cast("list[DecoderLayer]", list(decoder.layers))
    for number, layer in enumerate(layers):
        last = number == len(layers) - 1
        found = _rows_attention(graph, layer, x, (grid, hidden, asked_places if last else places))
        x = graph.add("Gather", x, asked) if last else x
        x = _after_self_attention(graph, layer, _added(graph, layer.around_self_attention, x, found), number)
    _predictions(graph, decoder, _normalised(graph, decoder.norm, x), banned, end)
    return graph.model()


def _encoder_layer(graph: Graph, layer: EncoderLayer, x: str) -> str:
    """Add an encoder layer: x (S, D) -> (S, D)."""
    attention = layer.self_attention

    def attend(y: str) -> str:
        packed = graph.add("Unsqueeze", _query_key_value(graph, attention, y), graph.constant([0], _INT))
        return _output(graph, attention, _self_attention(graph, attention, packed, None))

    x = _around(graph, layer.around_self_attention, x, attend)
    return _around(graph, layer.around_ffn, x, lambda y: _feed_forward(graph, layer.ffn, y))


def _rows_attention(graph: Graph, layer: DecoderLayer, x: str, rows: tuple[str, str, str]) -> str:
    """Add the self-attention of x (R, D), rows (grid, hidden, places); return its output at the R or M places."""
    attention, (grid, hidden, places) = layer.self_attention, rows
    packed = _query_key_value(graph, attention, _read(graph, layer.around_self_attention, x))
    mixed = _self_attention(graph, attention, graph.add("Gather", packed, grid), hidden)
    mixed = graph.reshaped(mixed, -1, attention.heads * _size(attention))
    return _output(graph, attention, graph.add("Gather", mixed, places))


def _after_self_attention(graph: Graph, layer: DecoderLayer, x: str, number: int) -> str:
    """Add source attention and feed-forward of decoder layer `number`: x (R or M, D) keeps its shape."""
    attention = layer.source_attention
    key = graph.input(f"key.{number}", _FLOAT, [1, attention.heads, _size(attention), "S"])
    value = graph.input(f"value.{number}", _FLOAT, [1, attention.heads, "S", _size(attention)])

    def attend(y: str) -> str:
        query = graph.reshaped(graph.linear(y, *_scaled(attention)), 1, -1, attention.heads, _size(attention))
        return _output(graph, attention, _mixed(graph, _heads_first(graph, query), key, value, None))

    x = _around(graph, layer.around_source_attention, x, attend)
    return _around(graph, layer.around_ffn, x, lambda y: _feed_forward(graph, layer.ffn, y))


def _source_memory(graph: Graph, attention: Attention, states: str, number: int) -> None:
    """Add keys and values of the source states (S, D) for decoder layer `number` as outputs."""
    packed = graph.add("Unsqueeze", _linear(graph, attention.key_value, states), graph.constant([0], _INT))
    key, value = graph.add_several("Split", 2, packed, num_outputs=2, axis=2)
    shape = [1, attention.heads, _size(attention), "S"]
    graph.output(f"key.{number}", _keys(graph, attention, key), _FLOAT, shape)
    value = _heads_first(graph, _heads(graph, attention, value))
    graph.output(f"value.{number}", value, _FLOAT, [*shape[:2], "S", shape[2]])


def _query_key_value(graph: Graph, attention: Attention, x: str) -> str:
    """Project x (R, D) to queries, keys and values (R, 3 D), the queries divided by the root of their size."""
    weight, bias = _scaled(attention)
    other = attention.key_value
    return graph.linear(
        x, np.concatenate([weight, _array(other.weight)]), np.concatenate([bias, _array(cast(Tensor, other.bias))])
    )


def _scaled(attention: Attention) -> tuple[Array, Array]:
    """Return weight and bias of the queries, divided by the square root of the features of a head."""
    scale = _FLOAT(_size(attention) ** -0.5)
    return _array(attention.query.weight) * scale, _array(cast(Tensor, attention.query.bias)) * scale


def _self_attention(graph: Graph, attention: Attention, packed: str, hidden: Optional[str]) -> str:
    """Mix the values of queries, keys and values (n, T, 3 D) as (n, T, heads, d); hidden as in `step_graph`."""
    query, key, value = graph.add_several("Split", 3, packed, num_outputs=3, axis=2)
    query, value = (_heads_first(graph, _heads(graph, attention, one)) for one in (query, value))
    return _mixed(graph, query, _keys(graph, attention, key), value, hidden)


def _mixed(graph: Graph, query: str, key: str, value: str, hidden: Optional[str]) -> str:
    """Mix value (n, heads, L, d) by query (n, heads, Q, d) and key (n, heads, d, L); return (n, Q, heads, d)."""
    scores = graph.add("MatMul", query, key)
    scores = scores if hidden is None else graph.add("Add", scores, hidden)
    return _heads_first(graph, graph.add("MatMul", graph.add("Softmax", scores, axis=-1), value))


def _heads(graph: Graph, attention: Attention, x: str) -> str:
    """Reshape (n, L, D) to (n, L, heads, d)."""
    return graph.reshaped(x, 0, 0, attention.heads, _size(attention))


def _keys(graph: Graph, attention: Attention, x: str) -> str:
    """Reshape (n, L, D) to (n, heads, d, L) by the only transposition that is fast in ONNX Runtime."""
    return graph.add("Transpose", _heads(graph, attention, x), perm=[0, 2, 3, 1])


def _heads_first(graph: Graph, x: str) -> str:
    """Swap positions and heads: (n, Q, heads, d) <-> (n, heads, Q, d)."""
    return graph.add("Transpose", x, perm=[0, 2, 1, 3])


def _output(graph: Graph, attention: Attention, mixed: str) -> str:
    """Add the output projection of mixed values, D features a position, as (positions, D)."""
    return _linear(graph, attention.output, graph.reshaped(mixed, -1, attention.heads * _size(attention)))


def _feed_forward(graph: Graph, ffn: FeedForward, x: str) -> str:
    return _linear(graph, ffn.contract, graph.add("Gelu", _linear(graph, ffn.expand, x)))


def _around(graph: Graph, around: Sublayer, x: str, function: Callable[[str], str]) -> str:
    """Add a sublayer around `function`, with residual connection and normalisation: x (R, D) -> (R, D)."""
    return _added(graph, around, x, function(_read(graph, around, x)))


def _read(graph: Graph, around: Sublayer, x: str) -> str:
    return _normalised(graph, around.norm, x) if around.pre_norm else x


def _added(graph: Graph, around: Sublayer, x: str, found: str) -> str:
    total = graph.add("Add", x, found)
    return total if around.pre_norm else _normalised(graph, around.norm, total)


def _normalised(graph: Graph, norm: nn.Module, x: str) -> str:
    """Add layer normalisation, or nothing for an Identity."""
    if not isinstance(norm, nn.LayerNorm):
        return x
    weights = _constant(graph, norm.weight), _constant(graph, norm.bias)
    return graph.add("LayerNormalization", x, *weights, axis=-1, epsilon=norm.eps)


def _predictions(graph: Graph, decoder: Decoder, x: str, banned: Sequence[int], end: int) -> None:
    """Add the predictions of the states (M, D) as outputs."""
    logits, last = _linear(graph, decoder.output, x), graph.constant([1], _INT)
    largest = graph.add("ReduceMax", logits, last)
    total = graph.add("ReduceSum", graph.add("Exp", graph.add("Sub", logits, largest)), last)
    normaliser = graph.add("Add", graph.add("Log", total), largest)
    words = decoder.output.out_features
    hidden = np.zeros(words, _FLOAT)
    hidden[list(banned)] = -np.inf
    # TopK of 1, because ArgMax takes ten times as long.
    best, token = graph.add_several("TopK", 2, graph.add("Add", logits, graph.constant(hidden)), last, axis=1)
    ending = graph.add("Gather", logits, graph.constant([end], _INT), axis=1)
    graph.output("token", token, _INT, ["M", 1])
    graph.output("log_prob", graph.add("Sub", best, normaliser), _FLOAT, ["M", 1])
    graph.output("end_log_prob", graph.add("Sub", ending, normaliser), _FLOAT, ["M", 1])
    graph.output("logits", logits, _FLOAT, ["M", words])


def _size(attention: Attention) -> int:
    """Return the number of features of a head."""
    return attention.query.out_features // attention.heads


def _linear(graph: Graph, projection: Projection, x: str) -> str:
    bias: Optional[Tensor] = projection.bias
    return graph.linear(x, _array(projection.weight), None if bias is None else _array(bias))


def _constant(graph: Graph, parameter: Tensor) -> str:
    return graph.constant(_array(parameter))


def _array(parameter: Tensor) -> Array:
    found: Any = parameter.detach().cpu().float().numpy()
    return cast(Array, found)
