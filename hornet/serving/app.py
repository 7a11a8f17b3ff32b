"""``create_app(settings)``: the whole service as one ASGI app; any ASGI server runs it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

import hornet
from hornet.serving import inference_protocol, predict
from hornet.serving.collect import collect_router, purge, purge_hourly
from hornet.serving.guard import Guard
from hornet.serving.memory import trim_regularly, trimmer
from hornet.serving.pages import OPEN_PATHS, page_router
from hornet.serving.problems import CODES, Problem
from hornet.serving.state import State, state_of
from hornet.serving.wire import problems

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hornet.serving.settings import ServeSettings

_ABOUT = "Tells whether at least one Asian hornet (Vespa velutina) is in a picture."
_HEALTH = frozenset(("/v2/health/live", "/v2/health/ready"))


def create_app(settings: ServeSettings) -> FastAPI:
    """Make the service.

    The model is loaded here, so that a wrong one is told at once; threads start when the app does.

    Args:
        settings: See :class:`hornet.serving.settings.ServeSettings`.

    Raises:
        ArtifactError: If there is no usable model.
        ConfigError: If the folder for collected pictures can't be used.
    """
    state = State(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state.engine.start()
        tasks = []
        if state.champion.follows and settings.watch_seconds:
            watch = state.champion.watch(state.metrics.show_model, state.metrics.refused.inc)
            tasks.append(asyncio.create_task(watch))
        if state.collection is not None:
            await purge(state.collection)
            tasks.append(asyncio.create_task(purge_hourly(state.collection)))
        if (trim := trimmer()) is not None:
            tasks.append(asyncio.create_task(trim_regularly(trim)))
        state.ready = True
        yield
        state.ready = False
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(state.engine.close)

    app = FastAPI(
        title="hornet",
        version=hornet.__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        # Whatever the environment says: nothing about requests leaves this machine by itself.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.hornet = state
    app.include_router(predict.router)
    app.include_router(inference_protocol.router)
    if state.collection is not None:
        app.include_router(collect_router(state.collection, settings))
    app.get(
        "/metrics",
        tags=["operation"],
        summary="Counters for Prometheus",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Text format."},
            **problems(401),
        },
    )(_metrics)
    app.include_router(page_router(app.openapi, settings))
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(Guard, state=state, open_paths=OPEN_PATHS, probes=_HEALTH)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "X-API-Key", "X-Request-ID", "Content-Type"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )
    _document(app, settings)
    return app


async def _metrics(request: Request) -> Response:
    """Requests, latency, queue, batches, verdicts, failures by code, the model's version."""
    return Response(generate_latest(state_of(request).metrics.registry), media_type=CONTENT_TYPE_LATEST)


async def _invalid(_: Request, error: Exception) -> Response:
    """Say which parameter is wrong, without repeating its value."""
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = error.errors()[0]
    raise Problem("invalid", f"{' '.join(str(part) for part in first['loc'])}: {first['msg']}")


async def _http(_: Request, error: Exception) -> Response:
    """Give what the framework refuses our form."""
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "invalid")
    raise Problem(code, str(error.detail), headers=error.headers)


def _document(app: FastAPI, settings: ServeSettings) -> None:
    """Add to the description what depends on the settings: which operations need a key, and other hosts' refusal."""
    description = app.openapi()
    keyed = {path: path not in OPEN_PATHS | _HEALTH for path in description["paths"]}
    if settings.api_keys:
        description["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
    for path, methods in description["paths"].items():
        for operation in methods.values():
            if settings.api_keys and keyed[path]:
                operation["security"] = [{"bearer": []}, {"header": []}]
            if settings.allowed_hosts and path not in _HEALTH:
                schema = {"$ref": "#/components/schemas/ErrorAnswer"}
                operation["responses"]["421"] = {
                    "description": CODES["wrong_host"][1],
                    "content": {"application/json": {"schema": schema}},
                }
