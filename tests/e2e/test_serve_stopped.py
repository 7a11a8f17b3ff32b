"""``hornet serve`` stopped in the midst of things: SIGTERM, a sender that never ends, kill -9 while it collects."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import signal
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image

from hornet.dataset import read_manifest

if TYPE_CHECKING:
    import socket


JPEG = {"Content-Type": "image/jpeg"}


def picture(number: int = 0) -> bytes:
    """Return a JPEG that no other number gives; red enough for the tiny model's hornet."""
    file = io.BytesIO()
    Image.new("RGB", (64 + number % 64, 48 + number // 64), (255, 0, 0)).save(file, "JPEG")
    return file.getvalue()


def begin(connection: socket.socket, length: int) -> None:
    """Announce a picture, and wait until it is asked for: the request is being answered."""
    connection.sendall(
        f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n"
        "Expect: 100-continue\r\n\r\n".encode()
    )

    assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")


def received(connection: socket.socket) -> bytes:
    """Return everything until the server closes."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def test_sigterm_finishes_what_was_begun(make_artifact, tmp_path, serve_process):
    """After SIGTERM requests whose bodies are still coming are answered, new connections aren't taken, the exit code is 0."""
    service = serve_process(make_artifact(tmp_path / "tiny.onnx"), tmp_path / "log.jsonl")
    data = picture()
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(service.connect()) for _ in range(8)]
        for connection in connections:
            begin(connection, len(data))
        service.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(OSError):
            while True:
                service.connect().close()
        for connection in connections:
            connection.sendall(data)
        answers = [received(connection) for connection in connections]

    assert [b"HTTP/1.1 200 "] * 8 == [answer[:13] for answer in answers]
    assert all(b'"present"' in answer for answer in answers)
    assert 0 == service.stop()
    events = [json.loads(line)["event"] for line in service.log.read_text().splitlines()]
    assert ["listening", *["request"] * 8, "stopped"] == [
        name for name in events if name in {"listening", "request", "stopped"}
    ]


def test_sigterm_waits_for_nobody_for_ever(make_artifact, tmp_path, serve_process):
    """A sender that never ends holds the server no longer than it was told to finish, and the exit code is 0."""
    model = make_artifact(tmp_path / "tiny.onnx")
    service = serve_process(model, tmp_path / "log.jsonl", HORNET_DRAIN_SECONDS="1", HORNET_BODY_SECONDS="600",
                            HORNET_IDLE_SECONDS="600")  # fmt: skip
    with service.connect() as connection:
        begin(connection, 1000)
        service.process.send_signal(signal.SIGTERM)
        answer = received(connection)

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"stopping"' in answer
    assert 0 == service.stop()
    assert "Traceback" not in service.log.read_text()


def test_sigterm_at_once(make_artifact, tmp_path, serve_process):
    """A server that is stopped as soon as its address is known ends with 0, too."""
    model = make_artifact(tmp_path / "tiny.onnx")

    assert [0] * 3 == [serve_process(model, tmp_path / "log.jsonl").stop() for _ in range(3)]


def give_until_it_dies(url: str, numbers: itertools.count[int], kept: list[str]) -> None:
    """Give one picture after the other, and note the names of those that the server says it keeps."""
    with contextlib.suppress(httpx.TransportError), httpx.Client(base_url=url, timeout=20) as client:
        while True:
            answer = client.post("/collect?answer=present", content=picture(next(numbers)), headers=JPEG)
            kept.append(answer.raise_for_status().json()["picture"])


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
def test_kill_9_while_collecting(make_artifact, tmp_path, serve_process):
    """Killed while pictures are given, it leaves a manifest without a torn row: all that it said it kept, and no row without its picture."""
    model, folder = make_artifact(tmp_path / "tiny.onnx"), tmp_path / "given"
    numbers = itertools.count()
    kept: list[str] = []
    for life in range(1, 4):
        service = serve_process(model, tmp_path / "log.jsonl", HORNET_COLLECT=str(folder))
        threads = [
            threading.Thread(target=give_until_it_dies, args=(service.url, numbers, kept)) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 60
        while len(kept) < 7 * life and time.monotonic() < end:
            time.sleep(0.001)
        service.process.kill()
        for thread in threads:
            thread.join()
        service.stop()
        rows = read_manifest(folder / "manifest.csv").records  # refuses rows without a picture

        assert 7 * life <= len(kept)
        assert set() == set(kept) - {row.name for row in rows}
        assert {1} == {row.label for row in rows}

    service = serve_process(model, tmp_path / "log.jsonl", HORNET_COLLECT=str(folder))
    assert 0 == service.stop()
    names = {row.name for row in read_manifest(folder / "manifest.csv").records}
    assert names | {"manifest.csv", ".lock"} == {entry.name for entry in folder.iterdir()}
