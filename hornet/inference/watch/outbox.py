"""Alarms on their way to the webhook, for the thread that sends them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, Literal

from hornet.inference.watch.database import Transaction, connect

_KEEP_S: Final = 30 * 86400.0  # alarms that were taken


@dataclass(frozen=True, slots=True)
class Delivery:
    """An alarm on its way to the webhook.

    Attributes:
        id: The alarm's; the same at every try.
        document: The alarm as JSON.
        picture: JPEG; None: it couldn't be had.
        heatmap: JPEG; None: it couldn't be had.
        tries: How often it was sent.
        created: s since the epoch.
    """

    id: str
    document: str
    picture: bytes | None
    heatmap: bytes | None
    tries: int = 0
    created: float = 0.0


class Outbox:
    """The alarms that a store holds, through a connection of its own."""

    def __init__(self, folder: str) -> None:
        self._connection = connect(folder)

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()

    def wake(self) -> None:
        """Let everything that waits be tried at once; forget what was taken long ago."""
        with Transaction(self._connection) as run:
            run.execute("UPDATE deliveries SET due = 0 WHERE state = 'waiting'")
            run.execute(
                "DELETE FROM deliveries WHERE state = 'taken' AND created < ?", (time.time() - _KEEP_S,)
            )

    def next(self) -> tuple[Delivery, float] | None:
        """Return the alarm that is to be sent next, and when, s since the epoch."""
        row = self._connection.execute(
            "SELECT id, document, picture, heatmap, tries, created, due FROM deliveries "
            "WHERE state = 'waiting' ORDER BY due, rowid LIMIT 1"
        ).fetchone()
        return None if row is None else (Delivery(*row[:6]), row[6])

    def waiting(self) -> int:
        """Return how many alarms wait."""
        row = self._connection.execute("SELECT count(*) FROM deliveries WHERE state = 'waiting'").fetchone()
        return int(row[0])

    def later(self, identifier: str, due: float, problem: str) -> None:
        """Keep that an alarm wasn't taken, and is to be sent again."""
        with Transaction(self._connection) as run:
            run.execute(
                "UPDATE deliveries SET tries = tries + 1, due = ?, problem = ? WHERE id = ?",
                (due, problem, identifier),
            )

    def over(
        self, identifier: str, state: Literal["taken", "refused", "given up"], problem: str | None
    ) -> None:
        """Keep that an alarm isn't sent any more; its pictures go."""
        with Transaction(self._connection) as run:
            run.execute(
                "UPDATE deliveries SET tries = tries + 1, state = ?, problem = ?, picture = NULL, heatmap = NULL "
                "WHERE id = ?",
                (state, problem, identifier),
            )
