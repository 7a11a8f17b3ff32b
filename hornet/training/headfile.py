"""A finished model file with another head: the trunk keeps its bits, in float32 and in int8."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
from onnx import numpy_helper

from hornet.classifier import Classifier
from hornet.errors import ExportMismatch
from hornet.golden import replay_golden
from hornet.training.contract import contract_text, draw_golden, with_golden
from hornet.training.graph import TEMPERATURE, set_contract_text, set_scalar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hornet.artifact import Contract
    from hornet.classifier import Prediction

_WEIGHT: Final = "network.fc.weight"
_BIAS: Final = "network.fc.bias"
_CONTRAST: Final = "contrast"
#: Of float32 sums over 512 channels.
_ROUNDING: Final = 1e-3


def write_with_head(
    source: Classifier, target: Path, weight: NDArray[np.float64], bias: float, contract: Contract
) -> Classifier:
    """Write a model file with a changed head and open it.

    Args:
        source: The model whose trunk it keeps; with mean pooling.
        target: Where to; written at the end.
        weight: What is added to the difference of presence and absence, (512,).
        bias: What is added to the difference of their biases.
        contract: What the new file is to say, with its temperature; golden examples are answered anew.

    Raises:
        ExportMismatch: If the graph hasn't the layers that it should have, or doesn't answer as they say.
    """
    model = onnx.load(source.artifact.path)
    half = np.stack([-weight / 2, weight / 2])
    _add(model, _WEIGHT, half)
    _add(model, _BIAS, np.array([-bias / 2, bias / 2]))
    _add(model, _CONTRAST, weight)
    set_scalar(model, TEMPERATURE, contract.temperature)
    pictures = [(golden.name, base64.b64decode(golden.jpeg)) for golden in source.contract.golden]
    pictures = pictures or list(draw_golden(contract.pixel_rule))
    draft = _write(model, target, contract)
    answers = [draft.predict(picture) for _, picture in pictures]
    for (name, picture), answer in zip(pictures, answers, strict=True):
        before = source.predict(picture)
        if (
            before.embedding is None
            or answer.embedding is None
            or not np.array_equal(before.embedding, answer.embedding)
        ):
            raise ExportMismatch(
                f"{name!r}: the trunk isn't the champion's any more; train with --layers all"
            )
        moved = float(before.embedding.astype(np.float64) @ weight) + bias
        expected = before.logits[1] - before.logits[0] + moved
        margin = answer.logits[1] - answer.logits[0]
        if not abs(margin - expected) <= _ROUNDING * max(1.0, abs(expected)):
            raise ExportMismatch(
                f"{name!r}: the new file's logit difference is {margin:.6f} instead of {expected:.6f}; train with "
                "--layers all"
            )
    draft = _write(model, target, _answered(contract, pictures, answers))
    if not all(result.ok for result in replay_golden(draft)):
        raise ExportMismatch("the new file doesn't answer the same twice; train with --layers all")
    return draft


def _answered(
    contract: Contract, pictures: Sequence[tuple[str, bytes]], answers: Sequence[Prediction]
) -> Contract:
    return with_golden(
        contract, pictures, [one.probability for one in answers], [one.novelty for one in answers]
    )


def _write(model: onnx.ModelProto, target: Path, contract: Contract) -> Classifier:
    set_contract_text(model, contract_text(contract))
    target.write_bytes(model.SerializeToString(deterministic=True))
    return Classifier.open(target)


def _add(model: onnx.ModelProto, name: str, change: NDArray[Any]) -> None:
    for initializer in model.graph.initializer:
        if initializer.name == name:
            array = numpy_helper.to_array(initializer)
            if array.shape == change.shape and array.dtype == np.float32:
                new = (array.astype(np.float64) + change).astype(np.float32)
                initializer.CopyFrom(numpy_helper.from_array(new, name))
                return
    raise ExportMismatch(
        f"the champion's graph has no float layer {name!r} of the shape {change.shape}, so that its head can't be "
        "changed; train with --layers all"
    )
