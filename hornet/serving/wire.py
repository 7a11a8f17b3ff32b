"""What goes over the wire, for the OpenAPI description: answers are built as these say."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hornet.serving.problems import CODES


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelFacts(_Wire):
    """The model that answered."""

    name: Literal["hornet"]
    version: str = Field(description="First 16 hexadecimal digits of the model file's SHA-256.")
    precision: Literal["float32", "int8"]
    low: float = Field(description="Below it a picture is absent.", ge=0, le=1)
    high: float = Field(description="From it on a picture is present; in between it is unsure.", ge=0, le=1)


class ItemError(_Wire):
    """Why there is no verdict for one picture."""

    code: str = Field(description="unreadable, too_large or unsupported")
    message: str


class Result(_Wire):
    """The answer to one picture."""

    name: str = Field(description="As the client called it; control characters replaced.")
    label: Literal["present", "absent", "unsure"] | None
    probability: float | None = Field(description="Calibrated probability of presence.", ge=0, le=1)
    error: ItemError | None
    novelty: float | None = Field(
        description="How unlike everything that the model was trained with the picture is; above 1 the label is unsure. "
        "null: the model can't tell.",
        ge=0,
    )
    heatmap: str | list[list[float]] | None = Field(
        default=None, description="If asked for: a PNG, base64, or logits by place, rows from the top."
    )


class Predictions(_Wire):
    """The answers to all pictures of a request, in the order sent."""

    model: ModelFacts
    results: list[Result]


class Collected(_Wire):
    """A picture that is kept for training."""

    picture: str = Field(description="Its name.")
    token: str = Field(description="Deletes it; there is no other copy of it.")
    kept_until: str | None = Field(description="The day on which it is deleted, if there is one.")


class ErrorAnswer(BaseModel):
    """Why a request isn't answered as it was asked."""

    code: str
    message: str


class NoGoodPicture(ErrorAnswer):
    """Also says why each picture was refused, if the request itself was good."""

    model: ModelFacts | None = None
    results: list[Result] | None = None


class ProtocolError(ErrorAnswer):
    """An error with the protocol's own key beside ours."""

    error: str


class Live(BaseModel):
    """The server runs."""

    live: bool


class Ready(BaseModel):
    """The server or model takes requests."""

    ready: bool


class ServerMetadata(BaseModel):
    """What the server is."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(BaseModel):
    """Name, type and shape of a tensor; -1 is the number of pictures."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """What the model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class OutputTensor(BaseModel):
    """An output; its data, or how many bytes of binary data it has."""

    name: str
    shape: list[int]
    datatype: str
    data: list[float] | None = None
    parameters: dict[str, int] | None = None


class InferAnswer(BaseModel):
    """The outputs of the network."""

    model_config = ConfigDict(protected_namespaces=())
    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor] = Field(description="Without asking for others: all of the artifact's.")


def problems(*statuses: int, model: type[BaseModel] = ErrorAnswer) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of the given error statuses."""
    found: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        codes = [f"`{code}`: {says}" for code, (number, says) in CODES.items() if number == status]
        found[status] = {"model": model, "description": "; ".join(codes)}
        if status in {429, 503}:
            found[status]["headers"] = {
                "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
            }
    return found
