"""The thread that brings alarms to the webhook."""

from __future__ import annotations

import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Final

from hornet.inference.watch.outbox import Outbox
from hornet.inference.watch.webhook import GIVE_UP_S, delay

if TYPE_CHECKING:
    from collections.abc import Callable

    from hornet.inference.watch.outbox import Delivery
    from hornet.inference.watch.webhook import Outcome, Webhook

# Longest sleep, s: the clock may jump.
_NAP_S: Final = 60.0
# Between tries if the store can't be used, s.
_PAUSE_S: Final = 5.0


class Courier(threading.Thread):
    """Sends what the store holds, oldest first, one at a time, until each alarm is taken or refused.

    Args:
        folder: The store's.
        webhook: Where to.
        tell: Called with sentences for people.
    """

    def __init__(self, folder: str, webhook: Webhook, tell: Callable[[str], None]) -> None:
        super().__init__(name="hornet-webhook", daemon=True)
        self._folder = folder
        self._webhook = webhook
        self._tell = tell
        self._news = threading.Event()
        self._leaving = False
        self._not_before = 0.0  # of the monotonic clock
        self._failures = 0  # in a row

    def wake(self) -> None:
        """Say that there may be something new."""
        self._news.set()

    def leave(self, within: float) -> None:
        """Send what waits, each once, as long as it is taken, and end.

        Args:
            within: Longest time for that, s; what is left then is sent after the next start.
        """
        self._leaving = True
        self._news.set()
        self.join(within)

    def run(self) -> None:
        """Send until told to leave."""
        outbox: Outbox | None = None
        try:
            while True:
                try:
                    if outbox is None:
                        outbox = Outbox(self._folder)
                        outbox.wake()
                    nap = self._step(outbox)
                except sqlite3.Error as error:
                    self._tell(f"can't use the alarms in {self._folder}: {error}; trying again")
                    nap = _PAUSE_S
                if nap and self._leaving:
                    return
                if nap:
                    self._news.wait(nap)
                    self._news.clear()
        finally:
            if outbox is not None:
                outbox.close()

    def _step(self, outbox: Outbox) -> float:
        """Send one alarm, if one is due; return how long there is nothing to do, s."""
        found = outbox.next()
        if found is None:
            return _NAP_S
        delivery, due = found
        now = time.time()
        # A clock that was set back must not hold an alarm for years.
        nap = 0.0 if due - now > 2 * delay(99, luck=1) else due - now
        nap = max(nap, self._not_before - time.monotonic())
        if nap > 0:
            return min(nap, _NAP_S)
        self._settle(outbox, delivery, self._webhook.post(delivery))
        return _NAP_S if self._leaving and self._failures else 0.0

    def _settle(self, outbox: Outbox, delivery: Delivery, outcome: Outcome) -> None:
        shown = self._webhook.shown
        if outcome.kind == "taken":
            if self._failures:
                self._tell(f"{shown} takes alarms again")
            self._failures, self._not_before = 0, 0.0
            outbox.over(delivery.id, "taken", None)
        elif outcome.kind == "refused":
            self._tell(f"{shown} {outcome.reason}: alarm {delivery.id} isn't sent again")
            outbox.over(delivery.id, "refused", outcome.reason)
        elif time.time() - delivery.created > GIVE_UP_S:
            self._tell(f"{shown} {outcome.reason}: alarm {delivery.id} is given up after a week")
            outbox.over(delivery.id, "given up", outcome.reason)
        else:
            self._failures += 1
            wait = delay(delivery.tries + 1, outcome.wait)
            # One that fails while others are taken waits alone; a host that is down is left alone.
            self._not_before = time.monotonic() + delay(self._failures, outcome.wait)
            outbox.later(delivery.id, time.time() + wait, outcome.reason)
            if self._failures == 1 or self._failures % 20 == 0:
                self._tell(f"{shown}: {outcome.reason}; {outbox.waiting():,} waiting, sent again later")
