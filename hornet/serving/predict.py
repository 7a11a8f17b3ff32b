"""``POST /predict``: pictures in, verdicts out."""

from __future__ import annotations

import base64
import functools
import io
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from hornet.classifier import Failure, Prediction
from hornet.decision import decide
from hornet.errors import ImageTooLarge
from hornet.heatmaps import draw, layer
from hornet.images import Limits, pixels
from hornet.serving.bodies import Part, check_headers, read_parts, read_raw, total_bytes
from hornet.serving.engine import Job, Row
from hornet.serving.problems import Problem, json_answer
from hornet.serving.state import State, state_of
from hornet.serving.wire import NoGoodPicture, Predictions, problems

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from hornet.serving.bodies import Account
    from hornet.serving.champion import Model

router = APIRouter(tags=["predict"])

Heatmap = Literal["none", "png", "layer", "grid"]

_PICTURE: Final = {"type": "string", "format": "binary"}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "additionalProperties": False,
                    "properties": {"files": {"type": "array", "minItems": 1, "items": _PICTURE}},
                }
            },
            "image/*": {"schema": _PICTURE},
            "application/octet-stream": {"schema": _PICTURE},
        },
    }
}


@router.post(
    "/predict",
    summary="Tell whether a hornet is in each picture",
    response_class=Response,
    responses={
        200: {"model": Predictions, "description": "One result a picture, in the order sent."},
        **problems(401, 408, 413, 415, 429, 503),
        **problems(422, model=NoGoodPicture),
    },
    openapi_extra=_BODY,
)
async def predict(
    request: Request,
    heatmap: Annotated[
        Heatmap,
        Query(
            description="Where it looked: none, a PNG with the picture, a transparent PNG to lay over the picture "
            "upright, or a grid of logits."
        ),
    ] = "none",
    threshold: Annotated[
        float | None,
        Query(
            ge=0,
            le=1,
            allow_inf_nan=False,
            description="Replaces the model's low and high. Pictures with a novelty above 1 stay unsure.",
        ),
    ] = None,
) -> Response:
    """Send pictures as a form (field `files`, once a picture), or one picture as the body.

    A picture that can't be used has an `error` and spoils none of the others; if none can be used, the answer is
    422 and says why for each.
    """
    state = state_of(request)
    kind = check_headers(request, state.settings)
    state.engine.check_room()
    async with state.held.account() as account:
        parts = await _parts(request, state, kind, account)
        request.state.log.update(pictures=len(parts), bytes=total_bytes(parts))
        model = state.champion.current
        limits = Limits(state.settings.max_picture_bytes, state.settings.max_pixels)
        jobs = [_job(part, model, limits, heatmap, threshold) for part in parts]
        answers = await state.answers(request, jobs)
    results = [_named(part, answer) for part, answer in zip(parts, answers, strict=True)]
    _count(state, model, results)
    document = {"model": _described(model, threshold), "results": results}
    if all(result["error"] for result in results):
        request.state.log["code"] = "no_good_picture"
        first = results[0]["error"]["message"]
        raise Problem("no_good_picture", f"none of the pictures could be used: {first}", more=document)
    return json_answer(document)


async def _parts(request: Request, state: State, kind: str, account: Account) -> list[Part]:
    """Return the pictures of a request; raises Problem."""
    settings = state.settings
    if kind == "multipart/form-data":
        return await read_parts(request, settings, account)
    if kind.startswith("image/") or kind == "application/octet-stream":
        data = await read_raw(request, settings, account, most=settings.max_picture_bytes)
        return [Part("", data)]
    raise Problem(
        "unsupported_media_type",
        "send multipart/form-data with pictures in the field 'files', or one picture as image/* or "
        "application/octet-stream",
    )


def _job(part: Part, model: Model, limits: Limits, heatmap: Heatmap, threshold: float | None) -> Job:
    return Job(
        model,
        prepare=functools.partial(_pixels, part.data, model, limits),
        finish=functools.partial(_result, part.data, model, heatmap, threshold),
        draws=heatmap in {"png", "layer"},
    )


def _pixels(data: bytes | None, model: Model, limits: Limits) -> NDArray[np.uint8]:
    """Return one picture as (H, W, 3); raises ImageError. Runs in a worker thread."""
    if data is None:
        raise ImageTooLarge(f"more than {limits.max_bytes:,} bytes; make it smaller")
    return pixels(data, model.classifier.contract.pixel_rule, limits=limits)


def _result(
    data: bytes | None, model: Model, heatmap: Heatmap, threshold: float | None, row: Row
) -> dict[str, Any]:
    """Turn the outputs for one picture into its result. Runs in a worker thread."""
    contract = model.classifier.contract
    low, high = (contract.low, contract.high) if threshold is None else (threshold, threshold)
    label = decide(row.probability, low, high, row.novelty)
    result: dict[str, Any] = {
        "name": "",
        "label": label,
        "probability": round(row.probability, 6),
        "error": None,
        "novelty": None if row.novelty is None else round(row.novelty, 4),
    }
    if heatmap == "grid":
        result["heatmap"] = [[round(value, 6) for value in line] for line in row.heatmap.tolist()]
    elif heatmap == "layer":
        result["heatmap"] = _png(layer(data or b"", row.heatmap, contract.pixel_rule))
    elif heatmap == "png":
        logits = (float(row.logits[0]), float(row.logits[1]))
        answer = Prediction("", label, row.probability, logits, row.heatmap)
        result["heatmap"] = _png(draw(data or b"", answer, contract.pixel_rule))
    return result


def _png(drawing: Image.Image) -> str:
    """Return a drawing as a PNG, base64."""
    file = io.BytesIO()
    drawing.save(file, "PNG", compress_level=3)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _named(part: Part, answer: dict[str, Any] | Failure) -> dict[str, Any]:
    if isinstance(answer, Failure):
        error = {"code": answer.code, "message": answer.message}
        return {"name": part.name, "label": None, "probability": None, "error": error, "novelty": None}
    return answer | {"name": part.name}


def _described(model: Model, threshold: float | None) -> dict[str, Any]:
    facts = model.describe()
    return facts if threshold is None else facts | {"low": threshold, "high": threshold}


def _count(state: State, model: Model, results: list[dict[str, Any]]) -> None:
    for result in results:
        if result["error"]:
            state.metrics.failures.labels(result["error"]["code"]).inc()
        else:
            state.metrics.verdicts.labels(result["label"]).inc()
            state.today.add(model, result["probability"], result["novelty"])
