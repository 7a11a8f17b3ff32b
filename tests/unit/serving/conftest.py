"""A real server in a thread, on a free port of 127.0.0.1, with the tiny model."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from hornet.serving import ServeSettings, create_app
from hornet.serving.server import listen, server_for

if TYPE_CHECKING:
    from fastapi import FastAPI


class Client(httpx.Client):
    """An HTTP client that knows the app which answers it."""

    app: FastAPI


@contextlib.contextmanager
def running(**settings):
    """Serve inside the block; yields a client whose ``app`` is the app."""
    chosen = ServeSettings(port=0, watch_seconds=settings.pop("watch_seconds", 0.05), workers=2, **settings)
    app = create_app(chosen)
    with listen(chosen) as listening:
        server = server_for(app, chosen)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        host, port = listening.getsockname()
        try:
            with Client(base_url=f"http://{host}:{port}", timeout=20) as client:
                client.app = app
                yield client
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def session_model(make_artifact, tmp_path_factory):
    return make_artifact(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="session")
def serving():
    """Return the context manager that serves with given settings."""
    return running


@pytest.fixture(scope="module")
def client(session_model):
    """Return a client of a server with every setting at its default."""
    with running(model=str(session_model)) as found:
        yield found


@pytest.fixture
def serve(tiny_model):
    """Return a context manager that serves the tiny model with given settings."""

    def start(**settings):
        return running(**{"model": str(tiny_model)} | settings)

    return start
