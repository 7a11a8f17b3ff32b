"""The Open Inference Protocol's tensors: JSON, and its binary data extension. Pure.

https://github.com/kserve/open-inference-protocol and, for binary data,
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.artifact import INPUT, OUTPUTS
from hornet.serving.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_DATATYPE: Final = "UINT8"
_MOST_UINT8: Final = 255
#: An output beside the graph's: how unlike anything seen a picture is, where the model can tell.
NOVELTY: Final = "novelty"


@dataclass(frozen=True, slots=True)
class Asked:
    """A decoded request.

    Attributes:
        batch: (N, H, W, 3) uint8, N from 1 on.
        outputs: Name of each wanted output and whether it goes as binary data, in the order of the answer.
        id: Repeated in the answer; None if there was none.
    """

    batch: NDArray[np.uint8]
    outputs: dict[str, bool]
    id: str | None


def decode(
    body: bytes,
    json_length: int | None,
    size: tuple[int, int],
    most: int,
    known: Sequence[str] = OUTPUTS,
) -> Asked:
    """Read a request.

    Args:
        body: JSON, then binary data.
        json_length: Bytes of JSON; None: all.
        size: The contract's height and width, px.
        most: Most pictures.
        known: Outputs that may be asked for; all of them are meant where none is named.

    Raises:
        Problem: ``invalid`` or ``too_large``.
    """
    text = body if json_length is None else body[:json_length]
    if json_length is not None and json_length > len(body):
        raise _invalid("Inference-Header-Content-Length is larger than the body")
    try:
        document = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _invalid(
            "the body is no JSON; with binary data, send Inference-Header-Content-Length"
        ) from None
    request = _mapping(document, "the request")
    tensors = request.get("inputs")
    if not isinstance(tensors, list) or len(tensors) != 1:
        raise _invalid(f"inputs must be a list of one tensor, {INPUT!r}")
    identifier = request.get("id")
    if identifier is not None and not isinstance(identifier, str):
        raise _invalid("id must be a string")
    outputs = _wanted(request, known)
    return Asked(_tensor(tensors[0], body[len(text) :], size, most), outputs, identifier)


def _tensor(document: Any, binary: bytes, size: tuple[int, int], most: int) -> NDArray[np.uint8]:
    tensor = _mapping(document, "the input")
    if tensor.get("name") != INPUT or tensor.get("datatype") != _DATATYPE:
        raise _invalid(f"the input must have the name {INPUT!r} and the datatype {_DATATYPE!r}")
    shape = tensor.get("shape")
    if not isinstance(shape, list) or any(type(side) is not int for side in shape):
        shape = [0]
    if shape[1:] != [*size, 3] or shape[0] < 1:
        raise _invalid(f"the input's shape must be [N, {size[0]}, {size[1]}, 3] with N from 1 on")
    if shape[0] > most:
        raise Problem("too_large", f"{shape[0]} pictures, at most {most} in one request")
    wanted = math.prod(shape)
    parameters = _mapping(tensor.get("parameters", {}), "the input's parameters")
    if any(name.startswith("shared_memory") for name in parameters):
        raise _invalid("shared memory isn't taken here; send the data")
    length = parameters.get("binary_data_size")
    if length is not None:
        if "data" in tensor:
            raise _invalid("the input has both data and binary_data_size")
        if length != wanted or len(binary) != wanted:
            raise _invalid(f"its shape needs {wanted} bytes of binary data, {len(binary)} came")
        return np.frombuffer(binary, np.uint8).reshape(shape)
    if binary:
        raise _invalid("binary data came that no input asked for with binary_data_size")
    return _from_json(tensor.get("data"), wanted).reshape(shape)


def _from_json(data: Any, wanted: int) -> NDArray[np.uint8]:
    """Return numbers, flat or nested, as a flat array."""
    try:
        array = np.array(data)
    except (ValueError, OverflowError, RecursionError):  # ragged, too large, too deep
        array = np.array(None)
    if array.dtype.kind not in "iu" or array.size != wanted:
        raise _invalid(f"data must be {wanted} whole numbers from 0 to {_MOST_UINT8}, flat or nested")
    if array.min() < 0 or array.max() > _MOST_UINT8:
        raise _invalid(f"data must be from 0 to {_MOST_UINT8}")
    return array.astype(np.uint8).ravel()


def _wanted(request: Mapping[str, Any], known: Sequence[str]) -> dict[str, bool]:
    parameters = _mapping(request.get("parameters", {}), "parameters")
    binary = parameters.get("binary_data_output", False) is True
    asked = request.get("outputs")
    if asked is None:
        return dict.fromkeys(known, binary)
    if not isinstance(asked, list):
        raise _invalid("outputs must be a list")
    found: dict[str, bool] = {}
    for entry in asked:
        output = _mapping(entry, "an output")
        if output.get("name") not in known:
            raise _invalid(f"outputs are {', '.join(known)}")
        own = _mapping(output.get("parameters", {}), "an output's parameters")
        if "classification" in own or any(name.startswith("shared_memory") for name in own):
            raise _invalid("neither classification nor shared memory is done here")
        found[output["name"]] = own.get("binary_data", binary) is True
    return found or dict.fromkeys(known, binary)


def encode(
    outputs: Mapping[str, NDArray[np.float32]], asked: Asked, version: str
) -> tuple[bytes, int | None]:
    """Write an answer.

    Args:
        outputs: Everything that may be asked for.
        asked: The request.
        version: Of the model.

    Returns:
        The body, and how many bytes of it are JSON; None if all are.
    """
    described: list[dict[str, Any]] = []
    binary: list[bytes] = []
    for name, as_binary in asked.outputs.items():
        array = np.ascontiguousarray(outputs[name], "<f4")
        entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "datatype": "FP32"}
        if as_binary:
            binary.append(array.tobytes())
            entry["parameters"] = {"binary_data_size": len(binary[-1])}
        else:
            entry["data"] = array.ravel().tolist()
        described.append(entry)
    document: dict[str, Any] = {"model_name": "hornet", "model_version": version, "outputs": described}
    if asked.id is not None:
        document["id"] = asked.id
    text = json.dumps(document, allow_nan=False).encode("ascii")
    return b"".join([text, *binary]), len(text) if binary else None


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(f"{what} must be an object")
    return value


def _invalid(message: str) -> Problem:
    return Problem("invalid", message)
