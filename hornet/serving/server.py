"""Runs the app with uvicorn: what an ASGI app can't do itself.

Uvicorn waits for headers as long as the sender likes, keeps any number of connections, and ends with the signal
that stopped it. Here a connection that pauses is closed, beyond a number the longest idle one gives way, and
after SIGTERM everything begun is finished and the exit code is 0.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any, Final, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hornet.errors import ConfigError
from hornet.serving.app import create_app
from hornet.serving.logs import log_to_stderr

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from types import FrameType

    from fastapi import FastAPI
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from hornet.serving.settings import ServeSettings

LOG = logging.getLogger("hornet.serving")
_MAX_HEADER_BYTES: Final = 65_536
_BACKLOG: Final = 1024


class Crowd:
    """The open connections of one server, those that wait for a client in the order of their waiting.

    Args:
        most: Connections.
        most_unsent: Bytes of answers that clients haven't taken in, all together.
    """

    def __init__(self, most: int, most_unsent: int) -> None:
        self.most = most
        self.most_unsent = most_unsent
        self.open: set[Patient] = set()
        self.idle: dict[Patient, None] = {}

    def enter(self, connection: Patient) -> None:
        """Add a connection; the longest idle one gives way if there are too many."""
        self.open.add(connection)
        self.idle[connection] = None
        if len(self.open) > self.most:
            longest = next(iter(self.idle))
            self.leave(longest)
            longest.transport.abort()

    def relieve(self) -> None:
        """Close the longest idle ones of those that don't take in their answers, if too much is waiting for them."""
        unsent = {connection: connection.transport.get_write_buffer_size() for connection in self.idle}
        total = sum(unsent.values())
        for connection, size in unsent.items():
            if total <= self.most_unsent:
                break
            if size:
                connection.transport.abort()
                total -= size

    def leave(self, connection: Patient) -> None:
        """Forget a connection."""
        self.open.discard(connection)
        self.idle.pop(connection, None)


class Patient(HttpToolsProtocol):
    """A connection whose patience ends.

    It is idle until a request's headers are complete, and again when its answer is sent. Idle connections have
    ``seconds`` to send what is missing: slowly dripping headers don't prolong it, nor does the rest of a body that
    was refused.
    """

    def __init__(self, *arguments: Any, crowd: Crowd, seconds: float, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._crowd = crowd
        self._seconds = seconds
        self._end: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._in_headers = True
        self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request."""
        super().connection_made(transport)
        self._wait()
        self._crowd.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        self._crowd.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and refuse headers without end."""
        if self._in_headers:
            self._header_bytes += len(data)
            if self._end is None and self._answered():
                self._wait()
        super().data_received(data)
        if self._in_headers and self._header_bytes > _MAX_HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("Request headers too large.")

    def on_headers_complete(self) -> None:
        """Hand the request to the app, which has clocks of its own."""
        self._in_headers = False
        self._header_bytes = 0
        self._stop_waiting()
        self._crowd.idle.pop(self, None)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for the headers of the next request."""
        self._in_headers = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of a refused one, which is thrown away."""
        super().on_response_complete()
        if not self.transport.is_closing() and self._answered():
            self._crowd.idle[self] = None
            self._wait()
            if self._unsent:
                self._crowd.relieve()

    def _answered(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        return cycle is None or cycle.response_complete

    def _wait(self) -> None:
        self._stop_waiting()
        self._unsent = self.transport.get_write_buffer_size()
        self._end = self.loop.call_later(self._seconds, self._lose_patience)

    def _lose_patience(self) -> None:
        """Close, unless the client is still taking in an answer."""
        if 0 < self.transport.get_write_buffer_size() < self._unsent:
            self._wait()
        else:
            self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None


class SignalledServer(uvicorn.Server):
    """A server that ends with exit code 0 after a signal."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM, and don't die of them afterwards, as uvicorn would."""
        with _signals_to(self.handle_exit):
            yield


@contextlib.contextmanager
def _signals_to(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Call a handler on SIGINT and SIGTERM inside the block."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is told of signals
        return
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


class Server(SignalledServer):
    """Says that it isn't ready any more as soon as it begins to stop."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop, and say so to whoever asks for readiness."""
        super().handle_exit(sig, frame)
        cast("FastAPI", self.config.app).state.hornet.ready = False


def run(settings: ServeSettings, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish what was begun.

    Args:
        settings: Host, port and everything else.
        announce: Called with the address once connections are accepted.

    Raises:
        ArtifactError: If there is no usable model.
        ConfigError: If the address can't be listened on.
    """
    log_to_stderr()
    server: Server | None = None

    def stop(number: int, frame: FrameType | None) -> None:
        """Stop, also before there is anything to finish; process 1 of a container would overhear it otherwise."""
        if server is None:
            raise SystemExit(0)
        server.handle_exit(number, frame)

    with _signals_to(stop), listen(settings) as listening:
        app = create_app(settings)
        server = server_for(app, settings)
        _allow_files(settings.max_connections)
        host, port = listening.getsockname()[:2]
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        LOG.info("listening", extra={"address": address, "model": app.state.hornet.champion.current.version})
        announce(address)
        server.run(sockets=[listening])
    LOG.info("stopped")


def server_for(app: FastAPI, settings: ServeSettings) -> Server:
    """Return a server that isn't running yet."""
    crowd = Crowd(settings.max_connections, settings.max_held_bytes)
    config = uvicorn.Config(
        app,
        http=functools.partial(Patient, crowd=crowd, seconds=settings.idle_seconds),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=math.ceil(settings.idle_seconds) + 1,  # ours ends first
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
    )
    return Server(config)


def listen(settings: ServeSettings) -> socket.socket:
    """Return a socket that takes connections; raises ConfigError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"can't listen on {settings.host} port {settings.port}: {error.strerror or error}; name others with "
            "--host and --port (--port 0: any free one)"
        ) from None


def _allow_files(connections: int) -> None:
    """Raise the soft limit of open files if it would end before the connections do."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * connections + 256
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
