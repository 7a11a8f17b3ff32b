"""Listening, and clients that don't take in their answers."""

import io
import socket
import time

import numpy as np
import pytest
from PIL import Image

from hornet.errors import ConfigError
from hornet.serving import ServeSettings
from hornet.serving.server import listen


def test_address_in_use():
    """An address that is taken is one sentence that names the flags."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match="--port"):
        listen(ServeSettings(port=taken.getsockname()[1]))


def grainy() -> bytes:
    """Return a picture whose heatmap is a large PNG."""
    noise = np.random.default_rng(0).integers(0, 256, (768, 1024, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=30)
    return file.getvalue()


@pytest.mark.parametrize("room", [True, False])
def test_answers_that_nobody_takes_in(serve, room):
    """An answer waits for a client that reads late, unless all that wait are larger than allowed together."""
    data, count = grainy(), 4
    part = b'--B\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + data + b"\r\n"
    body = part * count + b"--B--\r\n"
    head = (
        "POST /predict?heatmap=png HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=B\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with serve(max_held_bytes=100_000_000 if room else len(body) + 1) as client:
        with socket.create_connection((client.base_url.host, client.base_url.port), timeout=20) as connection:
            connection.sendall(head.encode() + body)
            while 'hornet_http_requests_total{method="POST"' not in client.get("/metrics").text:
                time.sleep(0.02)
            answer = connection.recv(65536)
            length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            left = length + answer.index(b"\r\n\r\n") + 4 - len(answer)
            try:
                while left and (piece := connection.recv(1_000_000)):
                    left -= len(piece)
            except ConnectionResetError:
                pass
        after = client.get("/v2/health/live")

    assert length > 2 * len(body)
    assert room == (left == 0)
    assert 200 == after.status_code
