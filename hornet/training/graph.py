"""From the trained network to an ONNX graph that takes pictures and answers with probabilities.

Everything after `hornet.images` is inside the graph: normalisation, trunk, head, pooling, temperature. The
temperature and the prior shift stay named scalars in it, so that they can be set anew without exporting again.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from hornet.artifact import CONTRACT_KEY, INPUT, OUTPUTS
from hornet.errors import ExportMismatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hornet.training.network import HornetNet

#: Scalars of the graph that calibration sets; names of its initializers.
TEMPERATURE: Final = "temperature"
PRIOR_SHIFT: Final = "prior_shift"

# The exporter's own opset: no conversion afterwards, and onnxruntime reads it since 1.14.
OPSET: Final = 18
# Readable for onnxruntime since 1.18; newer onnx packages would write a newer one for no gain.
IR_VERSION: Final = 10


class ArtifactModule(nn.Module):
    """The whole graph as a torch module: uint8 pictures in, the artifact's four outputs out.

    Args:
        network: Trained network; copied, its batch norms are folded into the convolutions before them.
        mean: Mean of each channel scaled to 0..1.
        std: Standard deviation of each channel, likewise.
    """

    temperature: Tensor
    prior_shift: Tensor
    mean_colour: Tensor
    contrast: Tensor

    def __init__(self, network: HornetNet, *, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        network = copy.deepcopy(network).cpu().float().eval()
        with torch.no_grad():
            self.network = fold_batch_norms(network)
            # The scale goes into the weights; the mean can't, because padding must stay the mean colour.
            scale = 255 * torch.tensor(std, dtype=torch.float64).view(1, 3, 1, 1)
            self.network.conv1.weight.copy_((self.network.conv1.weight.double() / scale).float())
            weight = network.fc.weight
            self.register_buffer("contrast", (weight[1] - weight[0]).detach().clone())
        self.register_buffer("mean_colour", 255 * torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1))
        # Set after the export. Here they must do something (division by 1 would be optimised away), and equal no
        # constant of the graph: equal scalars become one, and setting it would change what the other does.
        self.register_buffer(TEMPERATURE, torch.tensor(1.8125))
        self.register_buffer(PRIOR_SHIFT, torch.tensor(0.4375))
        self.eval()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return probability (N,), logits (N, 2), heatmap (N, h, w) and embedding (N, 512).

        Args:
            image: Pictures, uint8 (N, H, W, 3).
        """
        x = image.permute(0, 3, 1, 2).to(torch.float32) - self.mean_colour  # (N, 3, H, W)
        features = self.network.feature_map(x)  # (N, 512, h, w)
        # The logit difference of each place, without bias: pooled, it is the picture's.
        heatmap = torch.matmul(self.contrast, features.flatten(2)).reshape(-1, *features.shape[2:])
        logits = self.network.pool_and_classify(features)
        difference = (logits[:, 1] - logits[:, 0]) / self.temperature + self.prior_shift
        return torch.sigmoid(difference), logits, heatmap, features.mean(dim=(2, 3))


def fold_batch_norms(network: HornetNet) -> HornetNet:
    """Fold each batch norm into the convolution before it, in place; the function stays the same.

    Quantisation needs this: a convolution and its batch norm must share one range.
    """
    network.conv1, network.bn1 = (
        fuse_conv_bn_eval(network.conv1, network.bn1),
        cast("nn.BatchNorm2d", nn.Identity()),
    )
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        for block in stage:
            block.conv1, block.bn1 = fuse_conv_bn_eval(block.conv1, block.bn1), nn.Identity()
            block.conv2, block.bn2 = fuse_conv_bn_eval(block.conv2, block.bn2), nn.Identity()
            if block.downsample is not None:
                block.downsample = fuse_conv_bn_eval(block.downsample[0], block.downsample[1])
    return network


def export_graph(module: ArtifactModule, size: tuple[int, int]) -> onnx.ModelProto:
    """Trace the module into an ONNX model with a free number of pictures.

    Args:
        module: What to export, on the CPU.
        size: Height and width of the input, px.

    Returns:
        A model that holds its weights and says nothing about the machine it was made on. Its temperature is
        1, its prior shift 0.

    Raises:
        ExportMismatch: If torch's exporter doesn't give what is asked for.
    """
    # Two pictures: a traced size of one would be taken for a constant.
    example = torch.zeros((2, *size, 3), dtype=torch.uint8)
    with _silence():
        program = torch.onnx.export(
            module,
            (example,),
            dynamo=True,
            external_data=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes={"image": {0: torch.export.Dim("pictures", min=1)}},
            verbose=False,
        )
    if program is None:
        raise ExportMismatch(
            "torch's exporter gave no model; install a torch release that hornet was tested with"
        )
    model: onnx.ModelProto = onnx.ModelProto()
    model.CopyFrom(program.model_proto)
    names = {initializer.name for initializer in model.graph.initializer}
    if not {TEMPERATURE, PRIOR_SHIFT} <= names:
        raise ExportMismatch(
            "torch's exporter folded the temperature away, so that it couldn't be set later; "
            "install a torch release that hornet was tested with"
        )
    set_scalar(model, TEMPERATURE, 1.0)
    set_scalar(model, PRIOR_SHIFT, 0.0)
    return scrub(model)


def scrub(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove, in place, whatever tells of the machine or the code that made the model; keep the contract.

    Exporters write stack traces, with paths of source files, into every node.
    """
    graph = model.graph
    contract = [entry.value for entry in model.metadata_props if entry.key == CONTRACT_KEY]
    for holder in (
        model,
        graph,
        *graph.node,
        *graph.value_info,
        *graph.input,
        *graph.output,
        *graph.initializer,
        *model.functions,
        *(node for function in model.functions for node in function.node),
        *(info for function in model.functions for info in function.value_info),
    ):
        holder.ClearField("doc_string")
        # Fields differ between versions of the format: onnx 1.16 brought metadata to each of these.
        if "metadata_props" in holder.DESCRIPTOR.fields_by_name:
            holder.ClearField("metadata_props")
    graph.ClearField("quantization_annotation")
    # Shapes between the nodes can be inferred again; the exporter's names for them say nothing.
    graph.ClearField("value_info")
    graph.name = model.producer_name = model.domain = "hornet"
    model.producer_version = ""
    model.ir_version = min(model.ir_version, IR_VERSION)
    for text in contract:
        set_contract_text(model, text)
    return model


def set_contract_text(model: onnx.ModelProto, text: str) -> None:
    """Store the contract's JSON in the model, in place of an earlier one."""
    kept = [(entry.key, entry.value) for entry in model.metadata_props if entry.key != CONTRACT_KEY]
    del model.metadata_props[:]
    for key, value in [*kept, (CONTRACT_KEY, text)]:
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value


def set_scalar(model: onnx.ModelProto, name: str, value: float) -> None:
    """Set the initializer called `TEMPERATURE` or `PRIOR_SHIFT`.

    Whoever calls this has to set the contract's field and the golden examples too.

    Raises:
        ExportMismatch: If the graph has no such scalar.
    """
    for initializer in model.graph.initializer:
        if initializer.name == name:
            initializer.CopyFrom(numpy_helper.from_array(np.asarray(value, dtype=np.float32), name))
            return
    raise ExportMismatch(f"the graph has no scalar called {name!r}: export the run again")


def local_places(run: Path) -> list[str]:
    """Return the folders that a file for others must not name: the run, the working folder, home, packages."""
    folders = {run.absolute(), Path.cwd(), Path.home(), Path(sys.prefix), Path(torch.__file__).parent}
    # A root alone says nothing, and would be found everywhere.
    return sorted(str(folder) for folder in folders if len(folder.parts) > 1)


def find_text(path: Path, texts: Sequence[str]) -> list[str]:
    """Return which of these texts an ONNX file holds outside its weights and golden pictures.

    Args:
        path: The file.
        texts: What to look for, in any of the ways that a path may be written.
    """
    model = onnx.load(path)
    for initializer in model.graph.initializer:
        initializer.ClearField("raw_data")
    for entry in model.metadata_props:
        if entry.key == CONTRACT_KEY:
            document = json.loads(entry.value)
            document["golden"] = [{**golden, "jpeg": ""} for golden in document["golden"]]
            entry.value = json.dumps(document)
    content = model.SerializeToString()
    return [
        text
        for text in texts
        if any(way.encode() in content for way in (text, text.replace("\\", "/"), json.dumps(text)[1:-1]))
    ]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the exporter's progress, advice and deprecation warnings of its own code from the user."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
