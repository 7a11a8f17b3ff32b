"""Int8 models compute their trunk in 8 bits, stay close to float32, and keep the head exact."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

from hornet.artifact import OUTPUTS
from hornet.dataset.drawings import draw
from hornet.errors import ExportMismatch
from hornet.training import graph, quantise


class Drawn:
    """Drawings as the quantiser takes them."""

    def __init__(self, count, seed=0):
        self.array = np.stack(
            [
                np.asarray(draw(("present", "absent")[i % 2], seed=seed + i, size=(64, 64)))
                for i in range(count)
            ]
        )
        self.largest_batch = 0

    def __len__(self):
        return len(self.array)

    def batch(self, start, stop):
        """Return some, and remember how many were asked for."""
        self.largest_batch = max(self.largest_batch, stop - start)
        return self.array[start:stop]


def run(model, batch):
    """Return the four outputs by name."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip(OUTPUTS, session.run(list(OUTPUTS), {"image": batch}), strict=True))


@pytest.fixture(scope="module")
def drawn():
    """Return pictures to measure ranges on; their number is no multiple of a batch."""
    return Drawn(21)


@pytest.fixture(scope="module")
def int8(float_graph, drawn):
    """Return the quantised graph."""
    return quantise.quantise(float_graph, drawn, size=(64, 64))


def test_answers_stay_close_to_float(float_graph, int8):
    """Eight bits change the logits by a small part of what pictures change them."""
    batch = Drawn(16, seed=100).array

    expected, got = (run(model, batch)["logits"] for model in (float_graph, int8))

    assert np.abs(expected - got).mean() < 0.25 * expected.std(axis=0).mean()


def test_heatmap_identity_holds_in_int8(network, int8):
    """Head and pooling stayed in float: the heatmap sums up to the logits as exactly as in float32."""
    outputs = run(int8, Drawn(8, seed=50).array)

    difference = outputs["logits"][:, 1] - outputs["logits"][:, 0]
    bias = float(network.fc.bias.detach().diff())
    np.testing.assert_allclose(outputs["heatmap"].mean(axis=(1, 2)) + bias, difference, atol=1e-4)


def test_weights_are_signed_per_channel_of_7_bits_and_activations_unsigned(int8):
    """Every convolution has int8 weights from -64 to 64 with a scale a channel, and uint8 activations."""
    tensors = {tensor.name: tensor for tensor in int8.graph.initializer}
    weights = [
        node for node in int8.graph.node if node.op_type == "DequantizeLinear" and node.input[0] in tensors
    ]
    kernels = [
        (tensors[node.input[0]], tensors[node.input[1]])
        for node in weights
        if tensors[node.input[0]].data_type == TensorProto.INT8
    ]
    zero_points = {
        tensors[node.input[2]].data_type for node in int8.graph.node if node.op_type == "QuantizeLinear"
    }

    assert 20 == len(kernels)
    for kernel, scale in kernels:
        assert np.abs(numpy_helper.to_array(kernel).astype(int)).max() <= 64
        assert (kernel.dims[0],) == tuple(scale.dims)
    assert {TensorProto.UINT8} == zero_points


def test_head_stays_in_float(int8):
    """Nothing after the last feature map is quantised."""
    nodes = list(int8.graph.node)
    head = next(i for i, node in enumerate(nodes) if node.op_type == "Gemm")

    assert not [node.op_type for node in nodes[head + 1 :] if node.op_type.endswith("QuantizeLinear")]
    tensors = {tensor.name: tensor for tensor in int8.graph.initializer}
    assert TensorProto.FLOAT == tensors[nodes[head].input[1]].data_type


def test_scalars_of_calibration_survive(int8):
    """Temperature and prior shift can be set in the int8 file too."""
    names = {tensor.name for tensor in int8.graph.initializer}

    assert {graph.TEMPERATURE, graph.PRIOR_SHIFT} <= names


def test_memory_is_bounded_by_small_batches(int8, drawn):
    """Ranges are measured a few pictures at a time."""
    assert int8 is not None
    assert 0 < drawn.largest_batch <= 8


@pytest.mark.parametrize("bias", [None, [0.5, -1.0]])
def test_compensation_undoes_the_mean_shift_of_rounded_weights(drawn, bias):
    """A convolution's mean output with rounded weights and compensated bias is that of exact weights."""
    weight = np.random.default_rng(0).normal(size=(2, 3, 1, 1)).astype(np.float32)
    weight[1] = [[[0.9]], [[0.26]], [[0.0]]]
    tensors = [numpy_helper.from_array(weight, "w")]
    if bias is not None:
        tensors.append(numpy_helper.from_array(np.array(bias, np.float32), "b"))
    names = ["x", *(tensor.name for tensor in tensors)]
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            [
                onnx.helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
                onnx.helper.make_node("Transpose", ["float"], ["x"], perm=[0, 3, 1, 2]),
                onnx.helper.make_node("Conv", names, ["y"]),
            ],
            "g",
            [onnx.helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", 64, 64, 3])],
            [onnx.helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            tensors,
        ),
        opset_imports=[onnx.helper.make_opsetid("", 18)],
        ir_version=10,
    )

    def mean_output(model):
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, {"image": drawn.array})[0].mean(axis=(0, 2, 3))

    def rounded(model):
        """Round the weights of a copy to -4 to 4."""
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        (kernel,) = [tensor for tensor in copy.graph.initializer if tensor.name == "w"]
        step = np.abs(weight).max(axis=(1, 2, 3), keepdims=True) / 4
        kernel.CopyFrom(numpy_helper.from_array(np.round(weight / step) * step, "w"))
        return copy

    compensated = mean_output(rounded(quantise.compensate(model, drawn, levels=4)))

    np.testing.assert_allclose(compensated, mean_output(model), rtol=1e-4)
    assert np.abs(mean_output(rounded(model)) - mean_output(model)).min() > 0.5


def test_without_pictures_there_are_no_ranges(float_graph):
    """No training picture is an error that says what is missing."""
    with pytest.raises(ExportMismatch, match="no training picture"):
        quantise.quantise(float_graph, _Empty(), size=(64, 64))


class _Empty:
    def __len__(self):
        return 0

    def batch(self, start, stop):
        raise AssertionError(f"asked for {start} to {stop}")
