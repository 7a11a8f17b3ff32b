"""Listening."""

import socket

import pytest

from hornet.errors import ConfigError
from hornet.serving import ServeSettings
from hornet.serving.server import listen


def test_address_in_use():
    """An address that is taken is one sentence that names the flags."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match="--port"):
        listen(ServeSettings(port=taken.getsockname()[1]))
