"""``/v2``: the Open Inference Protocol, for clients that bring the network's input themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, Header, Request, Response
from fastapi import Path as InPath

import hornet
from hornet.artifact import INPUT, OUTPUTS
from hornet.serving import tensors
from hornet.serving.bodies import check_headers, read_raw
from hornet.serving.engine import Job, Row
from hornet.serving.problems import Problem, json_answer
from hornet.serving.state import state_of
from hornet.serving.wire import (
    InferAnswer,
    Live,
    ModelMetadata,
    ProtocolError,
    Ready,
    ServerMetadata,
    problems,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hornet.classifier import Failure
    from hornet.serving.champion import Model
    from hornet.serving.state import State

router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"])

_LENGTH: Final = "Inference-Header-Content-Length"
_MODEL: Final = "/models/hornet"
Version = Annotated[
    str, InPath(description="The model's version, as the metadata say.", pattern="^[0-9a-f]{16}$")
]


_REQUEST: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "id": {"type": "string"},
                        "inputs": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": 1,
                            "items": {
                                "type": "object",
                                "required": ["name", "shape", "datatype"],
                                "properties": {
                                    "name": {"const": INPUT},
                                    "datatype": {"const": "UINT8"},
                                    "shape": {"type": "array", "items": {"type": "integer"}},
                                    "data": {"type": "array"},
                                    "parameters": {"type": "object"},
                                },
                            },
                        },
                        "outputs": {"type": "array", "items": {"type": "object"}},
                        "parameters": {"type": "object"},
                    },
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.get("/health/live", summary="Does the server run?", responses={200: {"model": Live}})
async def live() -> Response:
    """Answer as long as the process does."""
    return json_answer({"live": True})


@router.get(
    "/health/ready",
    summary="Does it take requests?",
    responses={200: {"model": Ready}, 503: {"model": Ready}},
)
async def ready(request: Request) -> Response:
    """Answer 200 when a model is loaded, 503 before that and while it stops."""
    good = state_of(request).ready
    return json_answer({"ready": good}, status=200 if good else 503)


@router.get(
    "",
    summary="What server is this?",
    responses={200: {"model": ServerMetadata}, **problems(401, model=ProtocolError)},
)
async def server_metadata() -> Response:
    """Name, version, extensions."""
    return json_answer(
        {"name": "hornet", "version": hornet.__version__, "extensions": ["binary_tensor_data"]}
    )


@router.get(
    _MODEL,
    summary="What does the model take and give?",
    responses={200: {"model": ModelMetadata}, **problems(401, model=ProtocolError)},
)
async def model_metadata(request: Request) -> Response:
    """Name, version, inputs and outputs of the model that answers now."""
    model = state_of(request).champion.current
    session = model.classifier.artifact.session
    kinds = {"tensor(uint8)": "UINT8", "tensor(float)": "FP32"}

    def described(entries: list[Any]) -> list[dict[str, Any]]:
        return [
            {
                "name": entry.name,
                "datatype": kinds.get(entry.type, entry.type),
                "shape": [side if isinstance(side, int) else -1 for side in entry.shape],
            }
            for entry in entries
        ]

    return json_answer(
        {
            "name": "hornet",
            "versions": [model.version],
            "platform": "onnxruntime_onnx",
            "inputs": described(session.get_inputs()),
            "outputs": described(session.get_outputs())
            + [
                {"name": name, "datatype": "FP32", "shape": [-1]}
                for name in _outputs(model)
                if name not in OUTPUTS
            ],
        }
    )


@router.get(
    f"{_MODEL}/versions/{{version}}",
    summary="The same, of one version",
    responses={200: {"model": ModelMetadata}, **problems(401, 404, 422, model=ProtocolError)},
)
async def version_metadata(request: Request, version: Version) -> Response:
    """As without a version, if it is the one that answers now."""
    _check_version(state_of(request), version)
    return await model_metadata(request)


@router.get(
    f"{_MODEL}/ready",
    summary="Does the model take requests?",
    responses={200: {"model": Ready}, 503: {"model": Ready}, **problems(401, model=ProtocolError)},
)
async def model_ready(request: Request) -> Response:
    """As the server's readiness: one model, always loaded."""
    return await ready(request)


@router.get(
    f"{_MODEL}/versions/{{version}}/ready",
    summary="The same, of one version",
    responses={200: {"model": Ready}, 503: {"model": Ready}, **problems(401, 404, 422, model=ProtocolError)},
)
async def version_ready(request: Request, version: Version) -> Response:
    """As without a version, if it is the one that answers now."""
    _check_version(state_of(request), version)
    return await ready(request)


def _infers(path: str, *statuses: int) -> Callable[[Any], Any]:
    return router.post(
        path,
        summary="Run the network on its own input",
        response_class=Response,
        responses={
            200: {
                "model": InferAnswer,
                "description": "The outputs; with binary data if that was asked for.",
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            },
            **problems(401, 408, 413, 415, 422, 429, 503, *statuses, model=ProtocolError),
        },
        openapi_extra=_REQUEST,
    )


@_infers(f"{_MODEL}/versions/{{version}}/infer", 404)
async def infer_version(
    request: Request,
    version: Version,
    json_length: Annotated[int | None, Header(alias=_LENGTH, ge=0)] = None,
) -> Response:
    """As without a version, if it is the one that answers now."""
    _check_version(state_of(request), version)
    answer: Response = await infer(request, json_length)
    return answer


@_infers(f"{_MODEL}/infer")
async def infer(
    request: Request,
    json_length: Annotated[
        int | None, Header(alias=_LENGTH, ge=0, description="With binary data: how many bytes are JSON.")
    ] = None,
) -> Response:
    """Send `image`, UINT8 [N, H, W, 3]: RGB, upright, masked and resized as the model's contract says.

    Who has pictures and no such arrays asks `/predict`.
    """
    state = state_of(request)
    kind = check_headers(request, state.settings)
    if kind not in {"application/json", "application/octet-stream", ""}:
        raise Problem(
            "unsupported_media_type", "send application/json, or application/octet-stream with binary data"
        )
    if json_length is not None and json_length > state.settings.max_json_bytes:
        raise _json_too_large(state)
    state.engine.check_room()
    model = state.champion.current
    async with state.held.account() as account:
        most = state.settings.max_json_bytes if json_length is None else None
        body = await read_raw(request, state.settings, account, most=most)
        size = model.classifier.contract.size
        asked = tensors.decode(body, json_length, size, state.settings.max_pictures, _outputs(model))
        request.state.log.update(pictures=len(asked.batch), bytes=len(body))
        rows = await state.answers(request, [_job(model, picture) for picture in asked.batch])
    for row in rows:
        if isinstance(row, Row):
            state.today.add(model, row.probability, row.novelty)
    body, length = tensors.encode(_stacked(rows), asked, model.version)
    if length is None:
        return Response(body, media_type="application/json")
    return Response(body, media_type="application/octet-stream", headers={_LENGTH: str(length)})


def _job(model: Any, picture: NDArray[np.uint8]) -> Job:
    return Job(model, prepare=lambda: picture, finish=lambda row: row)


def _outputs(model: Model) -> tuple[str, ...]:
    """Return the graph's outputs, and what is computed from them."""
    return OUTPUTS if model.classifier.contract.novelty is None else (*OUTPUTS, tensors.NOVELTY)


def _stacked(rows: list[Row | Failure]) -> dict[str, NDArray[np.float32]]:
    good = [row for row in rows if isinstance(row, Row)]
    scores = [row.novelty for row in good if row.novelty is not None]
    return ({tensors.NOVELTY: np.array(scores, np.float32)} if len(scores) == len(good) else {}) | {
        "probability": np.array([row.probability for row in good], np.float32),
        "logits": np.stack([row.logits for row in good]),
        "heatmap": np.stack([row.heatmap for row in good]),
        "embedding": np.stack([row.embedding for row in good]),
    }


def _check_version(state: State, version: str) -> None:
    current = state.champion.current.version
    if version != current:
        raise Problem("not_found", f"version {version} doesn't answer here; {current} does")


def _json_too_large(state: State) -> Problem:
    return Problem(
        "too_large",
        f"more than {state.settings.max_json_bytes:,} bytes of JSON; send the tensor as binary data",
    )
