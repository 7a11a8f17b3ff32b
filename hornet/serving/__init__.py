"""The HTTP service: ``create_app(settings)`` and what it is made of. No torch, nothing of training."""

from __future__ import annotations

from hornet.serving.app import create_app
from hornet.serving.settings import ServeSettings

__all__ = ["ServeSettings", "create_app"]
