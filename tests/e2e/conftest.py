"""A real server in a process of its own; a real browser, where there is one."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Service:
    """A running ``hornet serve``."""

    def __init__(self, model: Path, log: Path, **environment: str) -> None:
        self.log = log
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HORNET_")}
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hornet", "serve", "--port", "0", "--model", str(model)],
                env=kept
                | {"PYTHONPATH": str(ROOT), "HORNET_REGISTRY": str(log.parent / "none")}
                | environment,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().decode().strip()
        assert self.url.startswith("http://127.0.0.1:"), log.read_text()
        self.port = int(self.url.rpartition(":")[2])

    def connect(self) -> socket.socket:
        """Return a plain connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def memory(self) -> int:
        """Return resident bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(status.partition("VmRSS:")[2].split()[0])


@pytest.fixture(scope="session")
def serve_process():
    """Return the class that starts ``hornet serve``: model, file for its log, further variables."""
    return Service


@pytest.fixture(scope="module")
def browser():
    """Return the system's Chromium without a window; skip where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        # As root, which containers often are, Chromium has no sandbox.
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def open_guarded(browser):
    """Return a function that opens an address; no page of it may complain, or ask for anything but what is allowed.

    Further arguments: the longest wait, ms; what addresses may begin with besides the page's own; the browser's settings.
    """
    opened = []
    complaints: list[str] = []

    def note(text):
        # A browser notes every answer that isn't 2xx; the page has words for them.
        if not text.startswith("Failed to load resource"):
            complaints.append(text)

    def note_address(asked, allowed):
        if not asked.startswith(allowed):
            complaints.append(f"asked for {asked}")

    def open_page(address, *, timeout, allowed=(), **settings):
        context = browser.new_context(**settings)
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(timeout)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: note(message.text))
        page.on("request", lambda asked: note_address(asked.url, (address, *allowed)))
        page.goto(address)
        return page

    yield open_page
    for context in opened:
        context.close()

    assert [] == complaints


@pytest.fixture
def shown():
    """Return a function that waits until the page of a review shows a picture, the one at a place if it is given.

    Until then the page takes no answer, so that a key pressed at once would be lost.
    """

    def wait(page, place=None):
        if place is not None:
            page.wait_for_function(
                f"() => document.querySelector('#place').textContent.startsWith('Picture {place} ')"
            )
        page.wait_for_function(
            "() => document.querySelector('#reasons li') && !document.querySelector('.waiting-for-it')"
        )

    return wait
