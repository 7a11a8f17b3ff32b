"""Float32 graph to int8: static quantisation with ranges measured on training pictures.

The trunk computes in 8 bits, from the first convolution to the last feature map. Head, pooling, temperature and
all outputs stay in float32, so the heatmap still adds up to the logits exactly.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from hornet.artifact import INPUT
from hornet.errors import ExportMismatch
from hornet.training.graph import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

#: What is computed in 8 bits; the head has none of these but an addition, which is left out by name.
_QUANTISED: Final = ("Conv", "Relu", "MaxPool", "Add")
_BATCH: Final = 8
# Every intermediate result of a chunk is in memory at once: about 50 MB for each picture of 224 x 224 px.
_CHUNK_PIXELS: Final = 16 * 224 * 224
_BIAS: Final = 2  # its place among the inputs of a convolution


class Pixels(Protocol):
    """Pictures as the network takes them, read when they are asked for."""

    def __len__(self) -> int:
        """Return the number of pictures."""
        ...

    def batch(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return pictures `start` to `stop`, uint8 (N, H, W, 3)."""
        ...


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Hands pictures to the calibration a few at a time."""

    def __init__(self, pictures: Pixels, chunk: int) -> None:
        self._pictures = pictures
        self._chunk = chunk
        self.set_range(0, len(pictures))

    def __len__(self) -> int:
        # The calibration wants a multiple of its chunk; set_range knows better.
        return -(-len(self._pictures) // self._chunk) * self._chunk

    def set_range(self, start_index: int, end_index: int) -> None:
        self._next, self._end = start_index, min(end_index, len(self._pictures))

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        if self._next >= self._end:
            return None
        start, self._next = self._next, min(self._next + _BATCH, self._end)
        return {INPUT: self._pictures.batch(start, self._next)}


def quantise(
    model: onnx.ModelProto, pictures: Pixels, *, size: tuple[int, int], reduce_range: bool = True
) -> onnx.ModelProto:
    """Quantise the trunk of an exported model.

    Ranges of activations are the smallest and largest values seen: percentiles and entropy did no better on real
    pictures once biases were compensated.

    Args:
        model: What `export_graph` made; not changed.
        pictures: Training pictures to measure activations on; some hundred are enough.
        size: Height and width of the input, px.
        reduce_range: Give weights 7 bits: without it CPUs that lack VNNI add up 8-bit products in 16 bits, which
            saturate, and answer something else than others.

    Returns:
        A model with the same inputs, outputs and scalars.

    Raises:
        ExportMismatch: If there is no picture, or no feature map is found in the graph.
    """
    if len(pictures) == 0:
        raise ExportMismatch("there is no training picture to measure the ranges of int8 on")
    chunk = max(1, _CHUNK_PIXELS // (size[0] * size[1]))
    prepared = compensate(model, pictures, levels=64 if reduce_range else 127)
    # The exporter has optimised already; the mark keeps onnxruntime from advising to do so.
    add_pre_process_metadata(prepared)
    with tempfile.TemporaryDirectory(prefix="hornet-int8-") as folder, _silence():
        target = Path(folder) / "int8.onnx"
        quantize_static(
            prepared,
            target,
            _Reader(pictures, chunk),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_QUANTISED),
            nodes_to_exclude=_after_last_feature_map(model),
            per_channel=True,
            reduce_range=reduce_range,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"CalibStridedMinMax": chunk},
        )
        return scrub(onnx.load(target))


def compensate(model: onnx.ModelProto, pictures: Pixels, *, levels: int) -> onnx.ModelProto:
    """Shift each convolution's bias by what rounding its weights adds to its mean output.

    Nagel et al. 2019 (Data-Free Quantization, section 4.2), with means measured on pictures. It took away about a
    third of the difference that 7-bit weights make.

    Args:
        model: Not changed.
        pictures: Where to measure the mean input of each convolution.
        levels: Largest rounded weight.

    Returns:
        The model with other biases.
    """
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    convolutions = [node for node in changed.graph.node if node.op_type == "Conv"]
    means = _mean_inputs(changed, sorted({node.input[0] for node in convolutions}), pictures)
    tensors = {tensor.name: tensor for tensor in changed.graph.initializer}
    for node in convolutions:
        weight = numpy_helper.to_array(tensors[node.input[1]]).astype(np.float64)  # (out, in, kh, kw)
        largest = np.abs(weight).max(axis=(1, 2, 3), keepdims=True)
        # A channel of zeros stays one.
        step = np.where(largest > 0, largest, 1.0) / levels
        lost = weight - np.round(weight / step) * step
        bias = np.einsum("oikl,i->o", lost, means[node.input[0]])
        if len(node.input) > _BIAS:
            bias += numpy_helper.to_array(tensors[node.input[_BIAS]])
            del node.input[_BIAS]
        # Under a name of its own: the exporter lets convolutions with equal biases share one.
        name = f"{node.input[1]}.bias"
        node.input.append(name)
        changed.graph.initializer.append(numpy_helper.from_array(bias.astype(np.float32), name))
    used = {name for node in changed.graph.node for name in node.input}
    kept = [tensor for tensor in changed.graph.initializer if tensor.name in used]
    del changed.graph.initializer[:]
    changed.graph.initializer.extend(kept)
    return changed


def _mean_inputs(
    model: onnx.ModelProto, names: list[str], pictures: Pixels
) -> dict[str, NDArray[np.float64]]:
    """Return the mean of each named (N, C, h, w) tensor of the graph by channel, (C,)."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names
    )
    session = onnxruntime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
    sums: dict[str, NDArray[np.float64]] = {}
    for start in range(0, len(pictures), _BATCH):
        batch = pictures.batch(start, min(start + _BATCH, len(pictures)))
        for name, values in zip(names, session.run(names, {INPUT: batch}), strict=True):
            sums[name] = sums.get(name, 0) + values.mean(axis=(2, 3), dtype=np.float64).sum(axis=0)
    return {name: total / len(pictures) for name, total in sums.items()}


def _after_last_feature_map(model: onnx.ModelProto) -> list[str]:
    """Return the names of all nodes that come after the last ReLU: head, pooling, temperature."""
    nodes = list(model.graph.node)
    last = max((index for index, node in enumerate(nodes) if node.op_type == "Relu"), default=None)
    if last is None:
        raise ExportMismatch("the graph has no ReLU to end its trunk: export the run again")
    return [node.name for node in nodes[last + 1 :]]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep onnxruntime's advice, logged to the root logger, from the user."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
