"""What the operating system says of a folder, as hints: a scan finds what it doesn't say."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# Paths that are kept for a watcher that is busy; beyond that it scans.
_MOST: Final = 100_000
_DEBOUNCE_MS: Final = 200
_STEP_MS: Final = 50


class Notices:
    """Listens to a folder in a thread.

    Args:
        folder: It must be there.
        wake: Called when there is something new.

    Attributes:
        lost: Whether more happened than was kept: only a scan tells.
        problem: Why nothing is heard any more; None: it is.
    """

    def __init__(self, folder: str, wake: Callable[[], None]) -> None:
        self.lost = False
        self.problem: str | None = None
        self._folder = folder
        self._wake = wake
        self._paths: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="hornet-notices", daemon=True)
        self._thread.start()

    def take(self) -> set[str]:
        """Return paths that something happened to since the last call."""
        paths: set[str] = set()
        while not self._paths.empty():
            paths.add(self._paths.get_nowait())
        return paths

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        self._thread.join()

    def _listen(self) -> None:
        from watchfiles import Change, watch

        try:
            for changes in watch(
                self._folder,
                watch_filter=None,
                debounce=_DEBOUNCE_MS,
                step=_STEP_MS,
                stop_event=self._stop,
                rust_timeout=1000,
                raise_interrupt=False,
                ignore_permission_denied=True,
                force_polling=False,
            ):
                if self._paths.qsize() > _MOST:
                    self.lost = True
                else:
                    for change, path in changes:
                        if change != Change.deleted:
                            self._paths.put(path)
                self._wake()
        # Whatever it is, the scans go on.
        except Exception as error:  # noqa: BLE001
            self.problem = " ".join(str(error).split()) or type(error).__name__
            self._wake()
