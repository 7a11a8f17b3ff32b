"""The outermost layer: request ids, keys, rate limits, security headers, logs, and no trace in any answer."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import ClientDisconnect

from hornet.serving.problems import Problem, answer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from hornet.serving.state import State

LOG = logging.getLogger("hornet.serving")

#: Answers that aren't pages load nothing, run nothing and are shown in no frame.
_HEADERS: Final = {
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
    b"cache-control": b"no-store",
}
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
#: The sender left before the answer: no status that a client sees, but one for logs (nginx's).
_GONE: Final = 499


class Guard:
    """ASGI middleware around everything.

    Args:
        app: The rest.
        state: The server's parts.
        open_paths: Answered without a key.
        probes: Answered without a key and under any host name: engines ask by address.
    """

    def __init__(
        self, app: ASGIApp, state: State, *, open_paths: frozenset[str], probes: frozenset[str]
    ) -> None:
        self._app = app
        self._state = state
        self._open = open_paths | probes
        self._probes = probes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = dict(scope["headers"])
        sent_id = headers.get(b"x-request-id", b"")
        request_id = sent_id if _REQUEST_ID.fullmatch(sent_id) else secrets.token_hex(8).encode()
        scope.setdefault("state", {})["log"] = {}
        status = 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": _secured(message["headers"], request_id)}
            await send(message)

        metrics = self._state.metrics
        metrics.in_flight.inc()
        try:
            self._admit(scope, headers)
            await self._app(scope, receive, send_guarded)
        except Problem as problem:
            scope["state"]["log"]["code"] = problem.code
            await answer(problem, scope["path"])(scope, receive, send_guarded)
        except ClientDisconnect:
            status = _GONE
        except asyncio.CancelledError:
            if status or self._state.ready:
                raise
            # The time to finish after SIGTERM is over. Who still sends is told, and the log has no trace of it.
            stopping = Problem("stopping", "the server stops; send it again", headers={"Retry-After": "5"})
            scope["state"]["log"]["code"] = stopping.code
            await answer(stopping, scope["path"])(scope, receive, send_guarded)
        except Exception:
            LOG.exception("a request failed", extra={"request_id": request_id.decode()})
            if status:
                raise  # the answer has begun: only the connection can be closed
            fault = Problem("internal", f"our fault, not yours; ask the operator about {request_id.decode()}")
            scope["state"]["log"]["code"] = fault.code
            await answer(fault, scope["path"])(scope, receive, send_guarded)
        finally:
            metrics.in_flight.dec()
            self._record(scope, status, time.perf_counter() - began, request_id.decode())

    def _admit(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """Raise a Problem unless host, key and rate are good."""
        hosts = self._state.settings.allowed_hosts
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if hosts and scope["path"] not in self._probes and re.sub(r":\d*$", "", host) not in hosts:
            raise Problem("wrong_host", "this server doesn't answer to that host name")
        client = None
        if scope["path"] not in self._open and scope["method"] != "OPTIONS":
            client = self._state.keys.check(headers)
        if scope["method"] in {"POST", "DELETE"}:
            address = scope.get("client")
            self._state.rate.check(client or (address[0] if address else ""))

    def _record(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        """Count and log one answer: the route, not the path, which a client may fill with anything."""
        route = getattr(scope.get("route"), "path", "unknown")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        facts: dict[str, Any] = scope["state"]["log"]
        metrics = self._state.metrics
        metrics.requests.labels(route, method, str(status)).inc()
        metrics.seconds.labels(route).observe(seconds)
        if "code" in facts:
            metrics.failures.labels(facts["code"]).inc()
        LOG.info(
            "request",
            extra={
                "request_id": request_id,
                "method": method,
                "route": route,
                "status": status,
                "ms": round(seconds * 1000, 1),
                **facts,
            },
        )


def _secured(headers: list[tuple[bytes, bytes]], request_id: bytes) -> list[tuple[bytes, bytes]]:
    given = {name.lower() for name, _ in headers}
    return [
        *headers,
        *((name, value) for name, value in _HEADERS.items() if name not in given),
        (b"x-request-id", request_id),
    ]
