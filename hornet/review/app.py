"""The page of ``hornet review``: for one person on this machine, and for nobody else.

Three things keep others out. It listens on 127.0.0.1 alone. Every address begins with a random token, which other
users of this machine and other pages in the browser don't know. And a request must name this machine as its host and
come from this page: a page from elsewhere whose name was made to mean 127.0.0.1 is refused.
"""

from __future__ import annotations

import hmac
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from hornet.decision import CLASSES
from hornet.errors import HornetError, ImageError
from hornet.serving.pages import POLICY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from hornet.review.session import Session

    Endpoint = Callable[[Request], Awaitable[Response]]

_JSON: Final = "application/json"
_SCRIPT: Final = "text/javascript; charset=utf-8"
_STYLE: Final = "text/css; charset=utf-8"
#: Name, package that has it, media type. The look and the handling of words are those of ``hornet serve``.
_FILES: Final = (
    ("page.css", "hornet.serving", _STYLE),
    ("icon.svg", "hornet.serving", "image/svg+xml"),
    ("words.js", "hornet.serving", _SCRIPT),
    ("card.js", "hornet.serving", _SCRIPT),
    ("review.css", "hornet.review", _STYLE),
    ("review.js", "hornet.review", _SCRIPT),
    ("english.js", "hornet.review", _SCRIPT),
    ("french.js", "hornet.review", _SCRIPT),
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
#: ``{"answer": "present"}`` and no more.
_MOST_BYTES: Final = 256


def create_review(session: Session, token: str, port: int, finish: Callable[[], None]) -> ASGIApp:
    """Make the page.

    Args:
        session: The pictures.
        token: Begins every path.
        port: Where it is served, for the names that this machine answers to.
        finish: Called when the person is done.
    """
    routes = [
        Route(f"/static/{name}", _static((files(package) / "static" / name).read_bytes(), kind))
        for name, package, kind in _FILES
    ]
    page = (files("hornet.review") / "static" / "review.html").read_bytes()
    routes += [Route("/", _static(page, "text/html; charset=utf-8")), *_api(session, finish)]
    return _Door(Starlette(routes=routes), token, port)


def _api(session: Session, finish: Callable[[], None]) -> list[Route]:
    async def state(_: Request) -> Response:
        return _json(await run_in_threadpool(session.state))

    async def describe(_: Request, at: int) -> Response:
        return _json(await run_in_threadpool(session.describe, at))

    async def picture(_: Request, at: int) -> Response:
        data, kind = await run_in_threadpool(session.picture, at)
        return Response(data, media_type=kind)

    async def layer(_: Request, at: int) -> Response:
        return Response(await run_in_threadpool(session.layer, at), media_type="image/png")

    async def answer(request: Request, at: int) -> Response:
        label = await _label(request)
        if isinstance(label, Response):
            return label
        before = await run_in_threadpool(session.answer, at, label)
        return _json({"before": before, "label": label})

    async def done(_: Request) -> Response:
        finish()
        return _json({"finished": True})

    def of(endpoint: Callable[[Request, int], Awaitable[Response]]) -> Endpoint:
        return _told(endpoint, len(session))

    return [
        Route("/api/state", state),
        Route("/api/pictures/{at:int}", of(describe), methods=["GET"]),
        Route("/api/pictures/{at:int}", of(answer), methods=["POST"]),
        Route("/api/finish", done, methods=["POST"]),
        Route("/pictures/{at:int}", of(picture)),
        Route("/layers/{at:int}", of(layer)),
    ]


def _told(endpoint: Callable[[Request, int], Awaitable[Response]], count: int) -> Endpoint:
    """Wrap what answers about one picture: an unknown one, and what goes wrong on purpose, get a code."""

    async def answer(request: Request) -> Response:
        at: int = request.path_params["at"]
        if at >= count:
            return _problem(404, "not_found", "there is no such picture")
        try:
            return await endpoint(request, at)
        except ImageError as error:
            return _problem(410, error.code, str(error))
        except HornetError as error:
            return _problem(507, error.code, str(error))

    return answer


async def _label(request: Request) -> str | Response | None:
    """Return the answer in a body, or why there is none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            return _problem(413, "too_large", "an answer is shorter")
    try:
        label = json.loads(body)["answer"]
    except (ValueError, TypeError, KeyError):
        label = ""
    if label is not None and label not in CLASSES:
        return _problem(422, "invalid", 'send {"answer": "present"}, "absent", or null to take it back')
    known: str | None = label
    return known


class _Door:
    """Lets in who knows the token, calls this machine by its name, and comes from this page."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = frozenset((f"127.0.0.1:{port}".encode(), f"localhost:{port}".encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def secured(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *given]}
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            rest = scope["path"][1 + len(self._token) :]
            await self._app({**scope, "path": rest, "raw_path": rest.encode()}, receive, secured)
        else:
            await refusal(scope, receive, secured)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").lower()
        if host not in self._hosts:
            return _problem(421, "wrong_host", "this page answers to 127.0.0.1 alone")
        first, _, _ = scope["path"].encode("utf-8", "surrogateescape").removeprefix(b"/").partition(b"/")
        whole = scope["path"].count("/") > 1
        if not hmac.compare_digest(first, self._token) or not whole:
            return _problem(
                404, "not_found", "there is nothing here; use the whole address that hornet review printed"
            )
        if scope["method"] in {"GET", "HEAD"}:
            return None
        # A browser says where a request comes from: a form on another page can't answer for anybody.
        origin = headers.get(b"origin")
        foreign = origin is not None and origin.lower() != b"http://" + host
        site = headers.get(b"sec-fetch-site", b"same-origin")
        if foreign or site not in {b"same-origin", b"none"} or headers.get(b"content-type") != _JSON.encode():
            return _problem(403, "forbidden", "answers are taken from this page alone")
        return None


def _static(content: bytes, kind: str) -> Endpoint:
    async def answer(_: Request) -> Response:
        return Response(content, media_type=kind)

    return answer


def _json(document: Any, status: int = 200) -> Response:
    # Names may hold bytes that are no text: ASCII carries them as escapes.
    return Response(json.dumps(document, allow_nan=False), status_code=status, media_type=_JSON)


def _problem(status: int, code: str, message: str) -> Response:
    return _json({"code": code, "message": message}, status)
