"""``POST /collect``: what people say is on a picture, kept for training; there only with ``--collect``."""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import logging
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response

from hornet.dataset.collection import NAME, Collection, CollectionFull, Given
from hornet.dataset.stripping import strip
from hornet.decision import CLASSES
from hornet.errors import HornetError, ImageError, ImageTooLarge
from hornet.images import Limits
from hornet.serving.bodies import check_headers, read_raw
from hornet.serving.problems import Problem, json_answer
from hornet.serving.state import state_of
from hornet.serving.wire import Collected, problems

if TYPE_CHECKING:
    from hornet.serving.settings import ServeSettings

LOG = logging.getLogger("hornet.serving")
_HOUR: Final = 3600.0
_PICTURE: Final = {"schema": {"type": "string", "format": "binary"}}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"image/*": _PICTURE, "application/octet-stream": _PICTURE}}
}
_FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT))


def collect_router(collection: Collection, settings: ServeSettings) -> APIRouter:
    """Return the routes that collect and delete.

    Args:
        collection: Where pictures are kept.
        settings: Limits.
    """
    router = APIRouter(tags=["collect"])
    limits = Limits(settings.max_picture_bytes, settings.max_pixels)
    # Checking a picture takes two decoded copies of it: one at a time.
    turn = asyncio.Lock()

    def keep(data: bytes, answer: str) -> Given:
        stripped, suffix = strip(data, limits)
        return collection.add(stripped, suffix, CLASSES.index(answer), today())

    @router.post(
        "/collect",
        summary="Give a picture, and what is on it, for training",
        response_class=Response,
        responses={
            200: {"model": Collected, "description": "It is kept."},
            **problems(401, 408, 413, 415, 422, 429, 503, 507),
        },
        openapi_extra=_BODY,
    )
    async def collect(
        request: Request,
        answer: Annotated[Literal["present", "absent"], Query(description="What a person says is on it.")],
    ) -> Response:
        """Send one picture as the body. Place, time and camera are taken out before it is kept; the pixels stay.

        A picture sent again gets the new answer. The token in the answer deletes it.
        """
        kind = check_headers(request, settings)
        if not (kind.startswith("image/") or kind == "application/octet-stream"):
            raise Problem("unsupported_media_type", "send one picture as image/* or application/octet-stream")
        async with state_of(request).held.account() as account:
            data = await read_raw(request, settings, account, most=settings.max_picture_bytes)
            async with turn:
                given = await asyncio.to_thread(_told, keep, data, answer)
        ends = today() + dt.timedelta(settings.collect_days) if settings.collect_days else None
        return json_answer(
            {"picture": given.picture, "token": given.token, "kept_until": ends and ends.isoformat()}
        )

    @router.delete(
        "/collect/{picture}",
        summary="Delete a picture that was given",
        status_code=204,
        response_class=Response,
        responses={204: {"description": "It is deleted."}, **problems(401, 404, 422, 429)},
    )
    async def delete(
        picture: Annotated[str, Path(pattern=f"^{NAME}$", description="As the answer named it.")],
        token: Annotated[str, Header(alias="X-Deletion-Token", max_length=128, description="As it came.")],
    ) -> Response:
        """Delete the picture and its row. An unknown picture and a wrong token get the same answer."""
        if not await asyncio.to_thread(collection.delete, Given(picture, token)):
            raise Problem("not_found", "no such picture, or not this token")
        return Response(status_code=204)

    return router


async def purge(collection: Collection) -> None:
    """Delete what is kept for too long."""
    try:
        gone = await asyncio.to_thread(collection.purge, today())
    except (HornetError, OSError):
        LOG.exception("purging failed")
    else:
        if gone:
            LOG.info("purged", extra={"pictures": gone})


async def purge_hourly(collection: Collection) -> None:
    """Delete what is kept for too long every hour, until cancelled."""
    while True:
        await asyncio.sleep(_HOUR)
        await purge(collection)


def today() -> dt.date:
    """Return the date that retention counts with: UTC's, wherever the server stands."""
    return dt.datetime.now(dt.UTC).date()


def _told(keep: Any, data: bytes, answer: str) -> Given:
    """Turn what goes wrong with a picture or the disk into a Problem."""
    try:
        given: Given = keep(data, answer)
    except ImageTooLarge as error:
        raise Problem("too_large", str(error)) from None
    except ImageError as error:
        raise Problem("no_good_picture", f"the picture can't be kept: {error}") from None
    except CollectionFull as error:
        raise Problem("full", str(error)) from None
    except OSError as error:
        if error.errno in _FULL:
            raise Problem("full", "there is no room left") from None
        raise
    return given
