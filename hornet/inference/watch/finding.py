"""Which files of a folder are new: by what the operating system says, and by looking again and again.

Only the scans are relied on. Notices make it fast: they get lost, aren't sent by network drives, and end without
a word when the folder goes.
"""

from __future__ import annotations

import importlib.util
import os
import time
from typing import TYPE_CHECKING, Final

from hornet.errors import MissingExtra
from hornet.images import IMAGE_EXTENSIONS
from hornet.inference.folders import HEATMAP_MARK, SORTED_MARK
from hornet.inference.frames import VIDEO_EXTENSIONS
from hornet.inference.records import look_at
from hornet.inference.sinks import printable
from hornet.inference.sources import Scan, Source
from hornet.inference.watch.notices import Notices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hornet.inference.records import Seen
    from hornet.inference.watch.arrivals import Arrivals
    from hornet.inference.watch.store import Store

#: Between scans, s: with notices, and where there are none although they were asked for.
RESCAN_S: Final = 60.0
_WITHOUT_S: Final = 10.0
# After the first scan with notices, s: they may have begun later than it.
_AGAIN_S: Final = 2.0
# A scan takes at most this share of the time.
_SHARE: Final = 10
# Between looks at whether the folder is there, s.
_GLANCE_S: Final = 1.0
# Longest piece of a scan, s: what arrives meanwhile is answered in between.
_SLICE_S: Final = 0.3


class Finder:
    """Finds new files and hands them to those that are waited for.

    Args:
        folder: As typed.
        store: What is known.
        arrivals: What is waited for.
        videos: Whether videos count.
        poll: Time between scans, s, without notices; None: with notices.
        wake: Called from a thread when there is something new.
        tell: Called with sentences for people.

    Raises:
        MissingExtra: If notices are wanted, and watchfiles isn't installed.
    """

    def __init__(
        self,
        folder: str,
        store: Store,
        arrivals: Arrivals,
        *,
        videos: bool,
        poll: float | None,
        wake: Callable[[], None],
        tell: Callable[[str], None],
    ) -> None:
        if poll is None and importlib.util.find_spec("watchfiles") is None:
            raise MissingExtra("watch", "hornet watch without --poll")
        self._folder = folder
        self._store = store
        self._arrivals = arrivals
        self._videos = videos
        self._extensions = IMAGE_EXTENSIONS | VIDEO_EXTENSIONS if videos else IMAGE_EXTENSIONS
        self._poll = poll
        self._wake = wake
        self._tell = tell
        self._identity: tuple[int, int] | None = None
        self._glanced = -_GLANCE_S
        self._notices: Notices | None = None
        self._fresh = False  # whether the notices are younger than the last scan
        self._scan: Iterator[Source] | None = None
        self._began = 0.0
        self._next_scan = 0.0
        self._broken: set[str] = set()

    def existing(self) -> Iterator[tuple[str, Seen]]:
        """Yield what is there now."""
        for source in Scan([self._folder], videos=self._videos):
            seen = look_at(source)
            if seen is not None:
                yield source.relative, seen

    def step(self, now: float) -> bool:
        """Look for a moment; return whether there is more to look at.

        Args:
            now: Of the clock of ``arrivals``, s.
        """
        if not self._is_there(now):
            return False
        self._hear(now)
        return self._look_around(now)

    def next_look(self) -> float:
        """Return when there is something to do again, by the same clock."""
        return self._glanced + _GLANCE_S if self._identity is None else self._next_scan

    def close(self) -> None:
        """Stop listening."""
        if self._notices is not None:
            self._notices.close()
            self._notices = None

    def _is_there(self, now: float) -> bool:
        if now - self._glanced < _GLANCE_S:
            return self._identity is not None
        self._glanced = now
        try:
            status = os.stat(self._folder)
            identity = (status.st_dev, status.st_ino)
        except OSError:
            identity = None
        if identity == self._identity:
            return identity is not None
        if identity is None:
            self._tell(f"{printable(self._folder)} is gone; waiting for it to come back")
        elif self._glanced and self._began:
            self._tell(f"{printable(self._folder)} is back")
        self._identity = identity
        self.close()
        self._scan = None
        self._arrivals.clear()
        if identity is not None:
            self._next_scan = now
            if self._poll is None:
                self._notices = Notices(os.path.realpath(self._folder), self._wake)
                self._fresh = True
        return identity is not None

    def _hear(self, now: float) -> None:
        notices = self._notices
        if notices is None:
            return
        if notices.problem is not None:
            self._tell(f"no notices of new files ({notices.problem}): looking every {_WITHOUT_S:g} s instead")
            self.close()
            self._next_scan = now
            return
        if notices.lost:
            notices.lost = False
            self._next_scan = now
        top = os.path.realpath(self._folder)
        for path in notices.take():
            relative = os.path.relpath(path, top)
            # Names that are no text arrive mutilated; folders may hold anything.
            if "\ufffd" in path or os.path.isdir(path):
                self._next_scan = min(self._next_scan, now)
            elif self._counts(relative):
                self._consider(Source(os.path.join(self._folder, relative), relative), now)

    def _counts(self, relative: str) -> bool:
        """Whether a scan would have found a file."""
        *folders, name = relative.split(os.sep)
        if os.path.splitext(name)[1].lower() not in self._extensions or relative.startswith(os.pardir):
            return False
        if any(part.startswith(".") for part in (*folders, name)):
            return False
        if not os.path.isfile(os.path.join(self._folder, relative)):
            return False
        return not any(
            os.path.exists(os.path.join(self._folder, *folders[:depth], mark))
            for depth in range(len(folders) + 1)
            for mark in (HEATMAP_MARK, SORTED_MARK)
            if depth or mark == HEATMAP_MARK
        )

    def _look_around(self, now: float) -> bool:
        if self._scan is None:
            if now < self._next_scan:
                return False
            self._scan, self._began = iter(Scan([self._folder], videos=self._videos)), now
        end = time.monotonic() + _SLICE_S
        for source in self._scan:
            if source.error is None:
                self._consider(source, now)
                self._broken.discard(source.name)
            elif source.name not in self._broken:
                self._broken.add(source.name)
                self._tell(f"{printable(source.name)}: {source.error}")
            if time.monotonic() > end:
                return True
        self._scan = None
        after = self._poll or (RESCAN_S if self._notices is not None else _WITHOUT_S)
        if self._fresh:
            self._fresh, after = False, _AGAIN_S
        took = time.monotonic() - self._began
        self._next_scan = time.monotonic() + max(after, _SHARE * took if took > _SLICE_S else 0.0)
        return False

    def _consider(self, source: Source, now: float) -> None:
        seen = look_at(source)
        if seen is None:
            return
        known = self._store.known(source.relative)
        if known != (seen, "done"):
            self._arrivals.look(source.relative, seen, now, urgent=known != (seen, "existing"))
