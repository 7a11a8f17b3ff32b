"""What goes wrong between a client and a server: a status, a stable code, a sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from fastapi.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Codes that clients may rely on, and what they mean.
CODES: Final[dict[str, tuple[int, str]]] = {
    "unauthorized": (401, "a key is needed, and none or a wrong one was sent"),
    "not_found": (404, "there is nothing here"),
    "method_not_allowed": (405, "this address takes another method"),
    "slow": (408, "the body took too long"),
    "wrong_host": (421, "this server doesn't answer to that host name"),
    "too_large": (413, "more bytes, parts or pixels than allowed"),
    "unsupported_media_type": (415, "the body is of a kind that isn't taken here"),
    "invalid": (422, "the request doesn't say what it should"),
    "no_good_picture": (422, "none of the pictures could be used"),
    "rate_limited": (429, "this client asked more often than allowed"),
    "internal": (500, "our fault; the log has the reason under the request's id"),
    "overloaded": (503, "more pictures are waiting than allowed"),
    "timeout": (503, "no answer in time"),
    "stopping": (503, "the server stops, and the time to finish is over"),
    "full": (507, "no more pictures are kept"),
}


class Problem(Exception):
    """A request that isn't answered as it was asked.

    Args:
        code: One of :data:`CODES`.
        message: What is wrong and what to do; never a path or a trace.
        headers: Of the answer, such as Retry-After.
        more: Further keys of the answer.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = CODES[code][0]
        self.message = message
        self.headers = dict(headers or {})
        self.more = dict(more or {})


def answer(problem: Problem, path: str) -> Response:
    """Return a problem as an answer; below ``/v2`` also under the Open Inference Protocol's key."""
    document = {"code": problem.code, "message": problem.message, **problem.more}
    if path.startswith("/v2"):
        document["error"] = problem.message
    return json_answer(document, status=problem.status, headers=problem.headers)


def json_answer(document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a document as JSON, without a second look by pydantic: it was made here."""
    body = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(
        body.encode("utf-8", "replace"),
        status_code=status,
        media_type="application/json",
        headers=dict(headers) if headers else None,
    )
