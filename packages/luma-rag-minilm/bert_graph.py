"""BERT with mean pooling as an ONNX graph, built from the published weights without torch.

The architecture follows section 3 of Devlin et al., "BERT" (2019); names are those of the weights. The
operators in the domain com.microsoft are ONNX Runtime's fused operators.

*float32* computes with the published weights. *int8-v1* uses integer matrix multiplication: weights have 7
bits with one scale per output, inputs have 8 bits with one dynamic scale per token (section 2.1 of Dettmers
et al., "LLM.int8()", 2022). With the usual single scale per batch, the vector of a text depended on the other
texts in the batch: the cosine between the two was .99. Weights have 7 bits because the sum of two products of
8 bits overflows the 16-bit accumulator of processors without VNNI.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from build_model import Profile
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]

_HEADS = 12
_EPSILON = 1e-12
_LARGEST_WEIGHT = 63
_LARGEST_INPUT = 127
_ZERO = 128
_CONTRIB = "com.microsoft"


class BertGraph:
    """The graph of a model.

    Its inputs are `words`, the token embeddings as float32 of shape (texts, tokens, width), and `mask`, 1 for
    a token and 0 for padding as int32 of shape (texts, tokens). Its output is `vectors`, float32 of shape
    (texts, width), rows of length 1.
    """

    def __init__(self, weights: Mapping[str, Array], profile: Profile) -> None:
        self._weights = weights
        self._profile = profile
        self._linear = self._exact if profile == "float32" else self._quantized
        self._nodes: list[Any] = []
        self._initializers: list[TensorProto] = []
        self._count = 0
        self._build()

    def serialize(self) -> bytes:
        """The graph in ONNX format."""
        inputs = [
            helper.make_tensor_value_info("words", TensorProto.FLOAT, ["texts", "tokens", "width"]),
            helper.make_tensor_value_info("mask", TensorProto.INT32, ["texts", "tokens"]),
        ]
        outputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", "width"])]
        graph = helper.make_graph(self._nodes, "bert", inputs, outputs, self._initializers)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid(_CONTRIB, 1)]
        model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
        return model

    def _build(self) -> None:
        weights = self._weights
        self._shape = self._add("Shape", "mask")
        tokens = self._add("Slice", self._shape, self._constant([1]), self._constant([2]))
        self._width = len(weights["embeddings.LayerNorm.bias"])
        # There is only one segment, so its embedding can be added in advance.
        positions = (
            weights["embeddings.position_embeddings.weight"]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        places = self._add("Slice", self._constant(positions), self._constant([0]), tokens)
        embedded = self._add("Add", "words", places)
        # Only attention needs the boundaries between texts.
        hidden = self._rows(self._normalized(embedded, "embeddings.LayerNorm"))
        count = self._add("Slice", self._add("Shape", hidden), self._constant([0]), self._constant([1]))
        self._zeros = self._add("Expand", self._constant([np.uint8(_ZERO)]), count)
        layers = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer."))
        for number in range(layers):
            hidden = self._layer(hidden, f"encoder.layer.{number}")
        # The mean over the tokens. The divisor cancels in the normalization.
        mask = self._add("Unsqueeze", self._add("Cast", "mask", to=TensorProto.FLOAT), self._constant([1]))
        total = self._add("MatMul", mask, self._texts(hidden, self._width))
        total = self._add("Squeeze", total, self._constant([1]))
        self._add("LpNormalization", total, outputs=["vectors"], axis=1, p=2)

    def _layer(self, hidden: str, prefix: str) -> str:
        # A single multiplication for query, key and value is faster.
        projections = [f"{prefix}.attention.self.{name}" for name in ("query", "key", "value")]
        project = np.concatenate([self._weights[f"{name}.weight"] for name in projections])
        bias = np.concatenate([self._weights[f"{name}.bias"] for name in projections])
        attended = self._attend(hidden, project, bias)
        hidden = self._residual(attended, hidden, f"{prefix}.attention.output")
        weight, bias = (self._weights[f"{prefix}.intermediate.dense.{name}"] for name in ("weight", "bias"))
        wide = self._add("BiasGelu", self._linear(hidden, weight), self._constant(bias), domain=_CONTRIB)
        return self._residual(wide, hidden, f"{prefix}.output")

    def _residual(self, value: str, hidden: str, prefix: str) -> str:
        """A linear layer with its residual connection and the normalization of their sum."""
        # ONNX Runtime has a fused operator for the last three of these, which takes several times as long.
        result = self._linear(value, self._weights[f"{prefix}.dense.weight"])
        result = self._add("Add", result, self._constant(self._weights[f"{prefix}.dense.bias"]))
        return self._normalized(self._add("Add", result, hidden), f"{prefix}.LayerNorm")

    def _attend(self, hidden: str, project: Array, bias: Array) -> str:
        how: dict[str, Any] = {"domain": _CONTRIB, "num_heads": _HEADS}
        if self._profile == "float32":
            # This operator includes the projection, which is a few percent faster.
            texts = self._texts(hidden, self._width)
            weights = (self._constant(project.T), self._constant(bias))
            return self._rows(self._add("Attention", texts, *weights, "mask", **how))
        parts = [self._name() for _ in ("query", "key", "value")]
        projected = self._texts(self._linear(hidden, project), len(bias))
        self._add("Split", projected, outputs=parts, axis=-1, num_outputs=len(parts))
        return self._rows(self._add("MultiHeadAttention", *parts, self._constant(bias), "mask", **how))

    def _rows(self, value: str) -> str:
        """All tokens of all texts, concatenated."""
        return self._add("Reshape", value, self._constant([-1, self._width]))

    def _texts(self, rows: str, width: int) -> str:
        """The tokens of each text separately."""
        shape = self._add("Concat", self._shape, self._constant([width]), axis=0)
        return self._add("Reshape", rows, shape)

    def _normalized(self, value: str, prefix: str) -> str:
        parameters = [self._constant(self._weights[f"{prefix}.{name}"]) for name in ("weight", "bias")]
        return self._add("LayerNormalization", value, *parameters, epsilon=_EPSILON)

    def _exact(self, value: str, weight: Array) -> str:
        return self._add("FusedMatMul", value, self._constant(weight), domain=_CONTRIB, transB=1)

    def _quantized(self, value: str, weight: Array) -> str:
        scale = np.abs(weight).max(axis=1) / np.float32(_LARGEST_WEIGHT)
        whole = np.rint(weight / scale[:, None]).astype(np.int8)
        largest = self._add("ReduceMax", self._add("Abs", value), self._constant([1]), keepdims=0)
        # Avoid dividing by zero for a row of zeros, which no text produces.
        largest = self._add("Max", largest, self._constant([np.float32(1e-9)]))
        row_scale = self._add("Div", largest, self._constant([np.float32(_LARGEST_INPUT)]))
        product = self._add(
            "MatMulIntegerToFloat",
            self._add("QuantizeLinear", value, row_scale, self._zeros, axis=0),
            self._constant(whole.T),
            self._constant([np.float32(1)]),
            self._constant(scale),
            self._constant(np.uint8(_ZERO)),
            domain=_CONTRIB,
        )
        return self._add("Mul", product, self._add("Unsqueeze", row_scale, self._constant([1])))

    def _add(
        self, operator: str, *inputs: str, outputs: list[str] | None = None, domain: str = "", **how: Any
    ) -> str:
        """Add an operator and return the name of its (first) output."""
        outputs = outputs or [self._name()]
        self._nodes.append(helper.make_node(operator, list(inputs), outputs, domain=domain, **how))
        return outputs[0]

    def _constant(self, value: Any) -> str:
        name = self._name()
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        self._initializers.append(numpy_helper.from_array(array, name))
        return name

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"


def read_tensors(file: bytes) -> dict[str, Array]:
    """The tensors of float32 in a file of the format safetensors, as views of it.

    The file begins with the length of a header in eight bytes, and the header in JSON; then come the tensors.
    """
    start = 8 + int.from_bytes(file[:8], "little")
    tensors = {}
    for name, about in json.loads(file[8:start]).items():
        if about.get("dtype") == "F32":
            first, end = about["data_offsets"]
            array = np.frombuffer(file, "<f4", (end - first) // 4, start + first)
            tensors[name] = array.reshape(about["shape"])
    return tensors
