"""A real browser, where there is one."""

import shutil

import pytest


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
