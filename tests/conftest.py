"""Shared fixtures: no network but loopback, no registry but a temporary one, a small real artifact."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

# Before anything imports albumentations: it would ask the network for its newest version.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch):
    """Refuse every connection that would leave this machine."""
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and address[0] not in _LOOPBACK:
            raise RuntimeError(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch, tmp_path_factory):
    """Keep the user's registry and model out of the tests, and the tests out of the user's registry."""
    monkeypatch.setenv("HORNET_REGISTRY", str(tmp_path_factory.mktemp("registry") / "registry"))
    monkeypatch.delenv("HORNET_MODEL", raising=False)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the manifest of the real pictures, or skip."""
    folder = os.environ.get("HORNET_REAL_DATA")
    if not folder:
        pytest.skip("HORNET_REAL_DATA isn't set")
    return Path(folder) / "manifest.csv"


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """Return the file of starting weights, or skip."""
    path = os.environ.get("HORNET_WEIGHTS")
    if not path:
        pytest.skip("HORNET_WEIGHTS isn't set")
    return Path(path)
