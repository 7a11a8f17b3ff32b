"""Rows of a journal: a picture as it was, and the answer to it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hornet import __version__
from hornet.captures import Capture
from hornet.checksums import sha256_file
from hornet.classifier import Failure, Prediction
from hornet.errors import ArtifactMissing
from hornet.inference.sources import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hornet.inference.columns import Answer

#: Size, bytes, and time of the last change, ns; None for addresses and what can't be looked at.
Seen = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Row:
    """One picture and the answer to it.

    Attributes:
        source: Where it comes from.
        seen: What its file was like just before it was read.
        answer: A prediction without heatmap and embedding, or a failure.
    """

    source: Source
    seen: Seen | None
    answer: Answer


def look_at(source: Source) -> Seen | None:
    """Return what tells whether a picture is still the same."""
    if source.remote or source.error is not None:
        return source.seen
    try:
        status = os.stat(source.file or source.name)
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


def to_document(row: Row) -> dict[str, Any]:
    """Return a row as JSON's own types; nothing is lost."""
    source, answer = row.source, row.answer
    document: dict[str, Any] = {"path": source.name}
    if source.relative != source.name:
        document["relative"] = source.relative
    if source.remote:
        document["remote"] = True
    if source.file is not None:
        document["file"] = source.file
    document["seen"] = row.seen
    if answer.capture is not None:
        document["capture"] = [answer.capture.captured_at, answer.capture.camera]
    if isinstance(answer, Failure):
        return document | {"code": answer.code, "message": answer.message}
    document |= {"label": answer.label, "probability": answer.probability, "logits": answer.logits}
    return document if answer.novelty is None else document | {"novelty": answer.novelty}


def from_document(document: Mapping[str, Any]) -> Row:
    """Return what :func:`to_document` was given."""
    name = document["path"]
    source = Source(
        name,
        document.get("relative", name),
        remote=document.get("remote", False),
        file=document.get("file"),
    )
    seen = document["seen"]
    capture = Capture(*document["capture"]) if "capture" in document else None
    answer: Answer = (
        Failure(name, document["code"], document["message"], capture)
        if "code" in document
        else Prediction(
            name,
            document["label"],
            document["probability"],
            (document["logits"][0], document["logits"][1]),
            novelty=document.get("novelty"),
            capture=capture,
        )
    )
    return Row(source, None if seen is None else (seen[0], seen[1]), answer)


def software(model: str | os.PathLike[str]) -> dict[str, str]:
    """Return what settings say of the model file and of the software that runs it, by name.

    Raises:
        ArtifactMissing: If there is no model file.
    """
    try:
        fingerprint = sha256_file(model)
    except OSError as error:
        raise ArtifactMissing(f"can't read the model {model}: {error.strerror or error}") from None
    return {"the model's SHA-256": fingerprint, **libraries()}


def libraries() -> dict[str, str]:
    """Return the versions of what decides about rows, by name."""
    import onnxruntime
    import PIL

    return {
        "hornet": __version__,
        "onnxruntime": onnxruntime.__version__,
        "Pillow": PIL.__version__,
    }
