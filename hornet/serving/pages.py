"""Pages and their files: read once, served from memory, under a policy that lets nothing else in.

To add a page, put its files into ``hornet/serving/static/`` and name them in :data:`FILES`: path, file, type.
Scripts and styles are files of their own; nothing inline, nothing from elsewhere.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from hornet.serving.reference import render

if TYPE_CHECKING:
    from collections.abc import Callable

#: What pages may load: their own files, and pictures that the user chose.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)

#: Path, file in ``static/``, media type.
FILES: Final = (("/static/reference.css", "reference.css", "text/css; charset=utf-8"),)

#: Answered without a key: pages hold no secret, and a browser can't send one with them.
OPEN_PATHS: Final = frozenset(("/", "/docs", "/openapi.json", *(path for path, _, _ in FILES)))


def page_router(openapi: Callable[[], dict[str, object]]) -> APIRouter:
    """Return the routes of all pages.

    Args:
        openapi: Returns the description of the API.
    """
    router = APIRouter(include_in_schema=False)
    folder = files("hornet.serving") / "static"
    for path, name, kind in FILES:
        router.add_api_route(path, _file(folder.joinpath(name).read_bytes(), kind), methods=["GET"])

    @router.get("/docs")
    async def docs() -> Response:
        """Show the API's description as a page without scripts."""
        return Response(
            render(openapi()), media_type="text/html", headers={"Content-Security-Policy": POLICY}
        )

    @router.get("/")
    async def home() -> Response:
        """Lead to the API's description."""
        return RedirectResponse("/docs")

    return router


def _file(content: bytes, kind: str) -> Callable[[Request], object]:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache", "ETag": tag}

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    return answer
