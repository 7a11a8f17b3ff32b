"""``hornet serve`` as a process of its own: abuse, slow clients, a thousand connections."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import zlib
from pathlib import Path

import httpx
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
# Small limits, so that every one is met in a moment.
SMALL = {
    "HORNET_WORKERS": "2",
    "HORNET_MAX_BODY_BYTES": "4000000",
    "HORNET_MAX_PICTURE_BYTES": "2000000",
    "HORNET_MAX_CONNECTIONS": "200",
}
IMPATIENT = SMALL | {"HORNET_IDLE_SECONDS": "0.5", "HORNET_BODY_SECONDS": "1.5"}
RAW = {"Content-Type": "image/png"}


def picture(colour=(255, 0, 0), size=(64, 48), form="PNG") -> bytes:
    """Return a plain encoded picture; red is the tiny model's hornet."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, form)
    return file.getvalue()


@contextlib.contextmanager
def running(start, model: Path, folder: Path, **environment: str):
    """Run a service inside the block; it must end well."""
    service = start(model, folder / "log.jsonl", **environment)
    try:
        yield service
    finally:
        code = service.stop()
    assert 0 == code, service.log.read_text()


@pytest.fixture(scope="module")
def service(make_artifact, tmp_path_factory, serve_process):
    """Return a service with small limits."""
    folder = tmp_path_factory.mktemp("service")
    with running(serve_process, make_artifact(folder / "tiny.onnx"), folder, **SMALL) as found:
        yield found


@pytest.fixture(scope="module")
def impatient(make_artifact, tmp_path_factory, serve_process):
    """Return a service that closes on whoever pauses for half a second."""
    folder = tmp_path_factory.mktemp("impatient")
    with running(serve_process, make_artifact(folder / "tiny.onnx"), folder, **IMPATIENT) as found:
        yield found


@pytest.fixture(autouse=True)
def _still_answers(request):
    """After each abuse the next good request is answered."""
    yield
    for name in {"service", "impatient"} & set(request.fixturenames):
        url = f"{request.getfixturevalue(name).url}/predict"
        for _ in range(5):
            # On a machine that stood still for half a second even a good client loses its connection.
            with contextlib.suppress(httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                answer = httpx.post(url, content=picture(), headers=RAW, timeout=20)
                break
        assert (200, "present") == (answer.status_code, answer.json()["results"][0]["label"])


def received(connection: socket.socket) -> bytes:
    """Return everything until the server closes."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def bomb(side: int) -> bytes:
    """Return a PNG of side x side px that is small as a file."""
    packed = zlib.compressobj(1)
    lines = bytes(100 * (1 + side * 3))
    data = b"".join(packed.compress(lines) for _ in range(side // 100)) + packed.flush()

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
        )

    header = side.to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_decompression_bomb(service):
    """A small file that would be a huge picture is refused by its header, undecoded."""
    before = service.memory()
    data = bomb(7100)  # just above 50 megapixels, 150 MB decoded
    answer = httpx.post(f"{service.url}/predict", content=data, headers=RAW)

    assert len(data) < 1_000_000
    assert (422, "too_large") == (answer.status_code, answer.json()["results"][0]["error"]["code"])
    assert service.memory() - before < 50_000_000


def test_text_bomb_in_png(service):
    """A compressed text chunk that unpacks to a hundred megabytes doesn't."""
    before = service.memory()
    text = b"zTXt" + b"a\x00\x00" + zlib.compress(bytes(100_000_000), 1)
    chunk = (len(text) - 4).to_bytes(4, "big") + text + zlib.crc32(text).to_bytes(4, "big")
    good = picture()
    answer = httpx.post(
        f"{service.url}/predict", content=good[:33] + chunk + good[33:], headers=RAW, timeout=20
    )

    assert answer.status_code in {200, 422}
    assert service.memory() - before < 50_000_000


def test_ten_thousand_parts(service):
    """A form of ten thousand tiny parts is refused at the first one too many."""
    part = b'--B\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nx\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    answer = httpx.post(f"{service.url}/predict", content=part * 10_000 + b"--B--\r\n", headers=headers)

    assert (413, "too_large") == (answer.status_code, answer.json()["code"])


def test_endless_part_headers(service):
    """Headers of a part that never end are refused."""
    body = b"--B\r\nContent-Disposition: form-data; " + b"x" * 100_000
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    answer = httpx.post(f"{service.url}/predict", content=body, headers=headers)

    assert (422, "invalid") == (answer.status_code, answer.json()["code"])


def test_announced_gigabyte(impatient):
    """A body announced too large is refused before a byte of it is read."""
    with impatient.connect() as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 1000000000\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        answer = received(connection)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"too_large" in answer


@pytest.mark.parametrize("kind", ["image/png", "multipart/form-data; boundary=B"])
def test_gigabyte_in_chunks(impatient, kind):
    """A gigabyte that doesn't announce itself is refused at the limit, and never held."""
    before = impatient.memory()
    block = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    sent = 0
    with impatient.connect() as connection:
        head = b'--B\r\nContent-Disposition: form-data; name="files"\r\n\r\n'
        connection.sendall(
            f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
            f"{len(head):x}\r\n".encode()
            + head
            + b"\r\n"
        )
        with contextlib.suppress(ConnectionError):
            while sent < 1000:
                connection.sendall(block)
                sent += 1
        answer = received(connection)

    assert answer.startswith(b"HTTP/1.1 413 ") or not answer  # a reset may overtake the answer
    assert impatient.memory() - before < 50_000_000


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"POST /pre",
        b"POST /predict HTTP/1.1\r\nHost: a\r\n",
    ],
)
def test_slow_headers(impatient, beginning):
    """Who connects and doesn't finish the headers is closed, also if a byte drips in now and then."""
    with impatient.connect() as connection:
        connection.sendall(beginning)
        stop = threading.Event()

        def drip():
            with contextlib.suppress(OSError):
                while not stop.wait(0.1):
                    connection.send(b"a" if beginning else b"\r\n")

        dripping = threading.Thread(target=drip)
        dripping.start()
        answer = received(connection)
        stop.set()
        dripping.join()

    assert b"" == answer


@pytest.mark.parametrize("drips", [True, False])
def test_slow_body(impatient, drips):
    """Who sends a body too slowly, with pauses or in drops, gets 408 and is closed."""
    with impatient.connect() as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nx"
        )
        stop = threading.Event()

        def drip():
            with contextlib.suppress(OSError):
                while drips and not stop.wait(0.1):
                    connection.send(b"a")

        dripping = threading.Thread(target=drip)
        dripping.start()
        answer = received(connection)
        stop.set()
        dripping.join()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"slow"' in answer


def test_rest_of_a_refused_body(impatient):
    """Who goes on slowly with a body that was refused is closed all the same."""
    with impatient.connect() as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nx"
        )
        answer = received(connection)

    assert answer.startswith(b"HTTP/1.1 415 ")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 100_000,
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 200_000,
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 30_000,
    ],
)
def test_endless_headers(service, head):
    """Headers larger than 64 KiB are refused."""
    with service.connect() as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(head)
        answer = received(connection)

    assert answer.startswith(b"HTTP/1.1 400 ") or not answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET // HTTP/1.1\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"BREW /pot HTCPCP/1.0\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /docs HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"GET /%00%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /static/../../../pyproject.toml HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_what_isnt_http(service, request_bytes):
    """Bytes that are no request, or a crooked one, end with a refusal or a closed connection, and no trace."""
    with service.connect() as connection:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        answer = received(connection)

    assert not answer or answer.split(b" ")[1] in {b"200", b"400", b"404", b"413", b"415", b"422"}
    assert b"Traceback" not in answer
    assert b"root:" not in answer
    assert str(ROOT).encode() not in answer


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><img src=x onerror=alert(1)>",
        b"\xff\xd8\xff\xe0<html>",
        b"GIF89a/*<script>*/",
        picture()[:60],
        picture(form="JPEG")[:200],
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"BM" + b"\xff" * 60,
        b"II*\x00\x08\x00\x00\x00" + b"\xff" * 400,
        b"\x00\x00\x00\x20ftypavif" + b"\x00" * 100,
        b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\xff" * 100,
    ],
)
def test_false_pictures(service, data):
    """What poses as a picture is one failed result; a good one beside it is answered."""
    files = [("files", ("a.png", data, "image/png")), ("files", ("b.png", picture(), "image/png"))]
    answer = httpx.post(f"{service.url}/predict", files=files)
    results = answer.json()["results"]

    assert 200 == answer.status_code
    assert "present" == results[1]["label"]
    assert results[0]["error"]["code"] in {"unreadable", "unsupported"}
    assert b"<script" not in answer.content


@pytest.fixture
def _many_files():
    """Let this process open a thousand connections: the usual soft limit ends just there."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip("this process may not open a thousand connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("_many_files")
def test_a_thousand_connections(service):
    """A thousand silent connections keep nobody out: the longest idle ones give way."""
    with contextlib.ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(service.connect())
        answer = httpx.post(f"{service.url}/predict", content=picture(), headers=RAW, timeout=20)

    assert 200 == answer.status_code
