"""Serves the page until the person is done."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING, Final

import uvicorn

from hornet.errors import ConfigError
from hornet.review.app import create_review
from hornet.serving.server import SignalledServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from hornet.review.session import Session

_HOST: Final = "127.0.0.1"
_DRAIN_SECONDS: Final = 2


def review(session: Session, port: int, announce: Callable[[str], None]) -> None:
    """Serve until the page says that it is done, Ctrl-C or SIGTERM.

    Args:
        session: The pictures.
        port: 0: any free one.
        announce: Called with the address once connections are accepted.

    Raises:
        ConfigError: If the port can't be listened on.
    """
    try:
        listening = socket.create_server((_HOST, port))
    except OSError as error:
        raise ConfigError(
            f"can't listen on {_HOST} port {port}: {error.strerror or error}; name another with --port (0: any free one)"
        ) from None
    with listening:
        port = listening.getsockname()[1]
        token = secrets.token_urlsafe(24)
        servers: list[uvicorn.Server] = []
        app = create_review(session, token, port, lambda: setattr(servers[0], "should_exit", True))
        config = uvicorn.Config(
            app,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        servers.append(SignalledServer(config))
        announce(f"http://{_HOST}:{port}/{token}/")
        servers[0].run(sockets=[listening])
