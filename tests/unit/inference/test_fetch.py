"""Fetching: a real server on this machine, with manners good and bad."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hornet import __version__
from hornet.errors import ImageMissing, ImageTooLarge, ImageUnreadable, ImageUnsupported
from hornet.images import Limits
from hornet.inference.fetch import Fetcher

PICTURE = b"\xff\xd8" + b"p" * 200_000


# The methods are named for the paths they answer.
# ruff: noqa: D102

RELEASED = threading.Event()


class Server(BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self):
        getattr(self, "get_" + self.path.strip("/").partition("?")[0].partition("/")[0])()

    def answer(self, code, body=b"", **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def get_ok(self):
        self.answer(200, PICTURE, Content_Length=str(len(PICTURE)))

    def get_chunked(self):
        self.answer(200, PICTURE)

    def get_echo(self):
        self.answer(200, f"{self.path} {self.headers['User-Agent']}".encode())

    def get_moved(self):
        self.answer(302, Location="/ok")

    def get_circle(self):
        self.answer(302, Location="/circle")

    def get_ftp(self):
        self.answer(302, Location="ftp://127.0.0.1/a.jpg")

    def get_file(self):
        self.answer(302, Location="file:///etc/passwd")

    def get_gone(self):
        self.answer(410)

    def get_none(self):
        self.answer(404)

    def get_busy(self):
        self.answer(503)

    def get_short(self):
        self.answer(200, PICTURE[:1000], Content_Length=str(len(PICTURE)))

    def get_odd(self):
        self.answer(200, PICTURE, Content_Length="many")

    def get_huge(self):
        self.answer(200, Content_Length=str(10**12))

    def get_endless(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:
            pass

    def get_trickle(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x")
                time.sleep(0.01)
        except OSError:
            pass

    def get_silent(self):
        RELEASED.wait(10)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    """Return the address of a server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    RELEASED.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("path", ["/ok", "/chunked", "/moved"])
def test_picture(server, path):
    """The answer's bytes come back, also without a length and after a redirect."""
    assert Fetcher().fetch(server + path) == PICTURE


def test_says_who_it_is(server):
    """Servers are told the software and its version."""
    assert f"hornet/{__version__}".encode() == Fetcher().fetch(server + "/echo").split()[-1]


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("/echo/é a.jpg", "/echo/%C3%A9%20a.jpg"),
        ("/echo/%C3%A9.jpg?q=é&r=1#part", "/echo/%C3%A9.jpg?q=%C3%A9&r=1"),
        ("/echo/\udcff.jpg", "/echo/%FF.jpg"),
    ],
)
def test_addresses_are_encoded(server, typed, sent):
    """What a browser accepts in an address is sent as HTTP wants it."""
    assert sent == Fetcher().fetch(server + typed).split()[0].decode()


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        ("/none", ImageMissing, "the server answers 404 Not Found"),
        ("/gone", ImageMissing, "the server answers 410 Gone"),
        ("/busy", ImageUnreadable, "the server answers 503 Service Unavailable"),
        ("/circle", ImageUnreadable, "the server answers 302"),
        ("/file", ImageUnreadable, "is not allowed"),
        ("/ftp", ImageUnsupported, "the server redirects to something that is no http"),
        ("/short", ImageUnreadable, "broke off after 1,000 of 200,002 bytes"),
        ("/odd", ImageUnreadable, "can't be fetched"),
        ("/huge", ImageTooLarge, "larger than 1,000,000 bytes"),
        ("/endless", ImageTooLarge, "larger than 1,000,000 bytes"),
    ],
)
def test_bad_answers(server, path, kind, message):
    """Every bad answer is an error of the picture, with a reason."""
    fetcher = Fetcher(Limits(max_bytes=1_000_000))

    with pytest.raises(kind, match=message):
        fetcher.fetch(server + path)


def test_silence(server):
    """A silent server is given up."""
    with pytest.raises(ImageUnreadable, match="timed out|silent"):
        Fetcher(timeout=0.2).fetch(server + "/silent")


def test_trickle(server):
    """A server that never ends can't hold a run up."""
    with pytest.raises(ImageUnreadable, match="takes longer than 0.2 s"):
        Fetcher(deadline=0.2).fetch(server + "/trickle")


def test_nobody_there():
    """A refused connection is an error of the picture."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with pytest.raises(
        ImageUnreadable, match="can't be fetched: Connection refused|can't be fetched: No connection"
    ):
        Fetcher().fetch(f"http://127.0.0.1:{port}/a.jpg")


@pytest.mark.parametrize(
    "address", ["http://", "http://[::1/a", "http://127.0.0.1:x/", "http://" + "é" * 70 + "/"]
)
def test_no_address(address):
    """An address that is none is an error of the picture."""
    with pytest.raises(ImageUnreadable, match="can't be fetched"):
        Fetcher().fetch(address)


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://127.0.0.1/a.jpg", "data:image/png;base64,AA=="]
)
def test_other_schemes(address):
    """Nothing but http and https is ever opened."""
    with pytest.raises(ImageUnsupported, match="only http:// and https://"):
        Fetcher().fetch(address)
