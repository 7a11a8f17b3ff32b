"""Pages and their files: read once, served from memory, under a policy that lets nothing else in.

To add a page, put its files into ``hornet/serving/static/`` and name them in :data:`FILES`: path, file, type.
Scripts and styles are files of their own; nothing inline, nothing from elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response

from hornet.serving.reference import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from hornet.serving.settings import ServeSettings

#: What pages may load: their own files, and pictures that the user chose.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)

#: Path, file in ``static/``, media type.
FILES: Final = tuple(
    (f"/static/{name}", name, kind)
    for names, kind in (
        (("reference.css", "page.css"), "text/css; charset=utf-8"),
        (
            (
                "page.js",
                "card.js",
                "service.js",
                "history.js",
                "csv.js",
                "words.js",
                "english.js",
                "french.js",
            ),
            "text/javascript; charset=utf-8",
        ),
        (("icon.svg",), "image/svg+xml"),
    )
    for name in names
)

#: Answered without a key: pages hold no secret, and a browser can't send one with them.
OPEN_PATHS: Final = frozenset(("/", "/docs", "/openapi.json", *(path for path, _, _ in FILES)))


def page_router(openapi: Callable[[], dict[str, object]], settings: ServeSettings) -> APIRouter:
    """Return the routes of all pages.

    Args:
        openapi: Returns the description of the API.
        settings: What the page for people tells them: limits, where to report.
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

    home = _home((folder / "page.html").read_text(encoding="utf-8"), settings).encode("utf-8")
    router.add_api_route("/", _file(home, "text/html; charset=utf-8"), methods=["GET"])
    return router


def _home(page: str, settings: ServeSettings) -> str:
    """Put into the page what depends on the server; an attribute, since scripts may not stand in it."""
    told = {
        "max_picture_bytes": min(settings.max_picture_bytes, settings.max_body_bytes),
        "max_pixels": settings.max_pixels,
        "report": settings.report_url,
        "collect": settings.collect is not None,
        "collect_days": settings.collect_days,
    }
    return page.replace('data-settings="{}"', f'data-settings="{escape(json.dumps(told))}"')


def _file(content: bytes, kind: str) -> Callable[[Request], object]:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache", "ETag": tag}

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    return answer
