"""A webhook that does what it is told."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Receiver(ThreadingHTTPServer):
    """Answers each request with the next of ``answers``: a status, or ``hang``; then 200."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = []
        self.headers_to_send = {}
        self.requests = []
        self.freed = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        """An address with a secret in path and query."""
        return f"http://127.0.0.1:{self.server_port}/hook/s3cret?key=s3cret"

    def wait_for(self, count, limit=60):
        """Wait for so many requests."""
        deadline = time.monotonic() + limit
        while len(self.requests) < count:
            assert time.monotonic() < deadline, f"{len(self.requests)} of {count} requests"
            time.sleep(0.01)

    def stop(self):
        """Answer nobody any more."""
        self.freed.set()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.server.answers.pop(0) if self.server.answers else 200
        self.server.requests.append((answer, self.path, dict(self.headers), body))
        if answer == "hang":
            self.server.freed.wait(60)
            return
        self.send_response(answer)
        for name, value in self.server.headers_to_send.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    server = Receiver()
    yield server
    server.stop()
