"""Logs as JSON lines: what happened, never what was in a picture."""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
from typing import Any, Final

# What every record has; the rest came with `extra`.
_KNOWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "color_message",
    "taskName",
}


class JsonLines(logging.Formatter):
    """One JSON object a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record with its extra fields; a trace becomes one string."""
        moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
        document: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        document |= {key: value for key, value in vars(record).items() if key not in _KNOWN}
        if record.exc_info:
            document["trace"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False, default=str)


def log_to_stderr() -> None:
    """Write this server's logs and uvicorn's to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name, level in (
        ("hornet.serving", logging.INFO),
        ("uvicorn.error", logging.WARNING),
        ("asyncio", logging.ERROR),
    ):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
