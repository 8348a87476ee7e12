"""Writing an ONNX graph node by node, and the precisions of its products with weights.

To add a precision: a function here, a row in LINEAR, a row in its test.
"""

from __future__ import annotations

import hashlib
from typing import Any, Callable, Optional, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fairseq_cmlm.runtime.arrays import Array

_OPSET, _IR = 20, 9  # the first operators with Gelu among them, and the format of a file with them
# (graph, input (R, in), weight (out, in), bias (out,)) -> output (R, out)
Linear = Callable[["Graph", str, Array, Optional[Array]], str]


class Graph:
    """The nodes and constants of a graph; tensors are identified by name.

    linear  function that adds a product with a weight
    """

    def __init__(self, name: str, linear: Linear) -> None:
        self._name, self._linear = name, linear
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, dtype: Any, shape: Sequence[Any]) -> str:
        """Declare an input; dimensions given as names may have any size."""
        self._inputs.append(_end(name, dtype, shape))
        return name

    def output(self, name: str, tensor: str, dtype: Any, shape: Sequence[Any]) -> None:
        """Declare what a node has made as an output, under the name `name` from now on; each tensor once.

        An Identity from one name to the other would copy it, which ONNX Runtime does for every output.
        """
        for node in self._nodes:
            for names in (node.input, node.output):
                names[:] = [name if one == tensor else one for one in names]
        self._outputs.append(_end(name, dtype, shape))

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return its output."""
        return self.add_several(operator, 1, *inputs, **attributes)[0]

    def add_several(self, operator: str, number: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node and return its outputs."""
        outputs = [f"{operator}.{len(self._nodes)}.{i}" for i in range(number)]
        self._nodes.append(helper.make_node(operator, list(inputs), outputs, **attributes))
        return outputs

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """Return a constant; equal constants, such as tied tables, are stored once."""
        array = np.array(values, dtype, order="C")
        key = f"{array.dtype}{array.shape}{hashlib.sha256(array.tobytes()).hexdigest()}"
        if key not in self._constants:
            self._constants[key] = numpy_helper.from_array(array, f"constant.{len(self._constants)}")
        return str(self._constants[key].name)

    def linear(self, x: str, weight: Array, bias: Optional[Array] = None) -> str:
        """Multiply x (R, in) by a weight (out, in) and add a bias (out,)."""
        return self._linear(self, x, weight, bias)

    def reshaped(self, x: str, *shape: int) -> str:
        """Reshape x; 0 keeps a dimension and -1 takes what remains."""
        return self.add("Reshape", x, self.constant(shape, np.int64))

    def model(self) -> onnx.ModelProto:
        """Return the finished graph, checked."""
        constants = list(self._constants.values())
        graph = helper.make_graph(self._nodes, self._name, self._inputs, self._outputs, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        onnx.checker.check_model(model, full_check=True)
        return model


def _end(name: str, dtype: Any, shape: Sequence[Any]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), list(shape))


def float32(graph: Graph, x: str, weight: Array, bias: Optional[Array]) -> str:
    """Multiply in float32."""
    given = [] if bias is None else [graph.constant(bias)]
    return graph.add("Gemm", x, graph.constant(weight), *given, transB=1)


def int8(graph: Graph, x: str, weight: Array, bias: Optional[Array]) -> str:
    """Multiply in 8 bits, with one scale for each output's weights and one for all input rows together.

    ONNX Runtime fuses this into one operator. Its operators with a scale per row (MatMulNBits) are no faster than
    float32. Unsigned weights would not saturate on processors without VNNI, but take twice the time.
    """
    scale = np.maximum(np.abs(weight).max(axis=1), 1e-8) / 127
    rounded = np.round(weight / scale[:, None]).astype(np.int8)
    rows, row_scale, zero = graph.add_several("DynamicQuantizeLinear", 3, x)
    product = graph.add("MatMulInteger", rows, graph.constant(rounded.T, np.int8), zero, graph.constant(0, np.int8))
    both = graph.add("Mul", row_scale, graph.constant(scale))
    found = graph.add("Mul", graph.add("Cast", product, to=TensorProto.FLOAT), both)
    return found if bias is None else graph.add("Add", found, graph.constant(bias))


LINEAR: dict[str, Linear] = {"float32": float32, "int8": int8}
