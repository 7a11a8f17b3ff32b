"""The loop: what arrived is looked at, what was decided is kept, what is kept is told."""

from __future__ import annotations

import functools
import math
import os
import sqlite3
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, Literal

from hornet.classifier import Failure, Prediction
from hornet.errors import HornetError, reason_of
from hornet.inference.frames import is_video
from hornet.inference.records import look_at
from hornet.inference.sources import Source
from hornet.inference.watch import judging
from hornet.inference.watch.deciding import Done
from hornet.inference.watch.judging import Judged
from hornet.inference.watch.lines import LineFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hornet.inference.records import Seen
    from hornet.inference.watch.arrivals import Arrivals
    from hornet.inference.watch.courier import Courier
    from hornet.inference.watch.deciding import Decider, Told
    from hornet.inference.watch.finding import Finder
    from hornet.inference.watch.judging import Judge
    from hornet.inference.watch.store import Store, Target

Existing = Literal["skip", "predict", "alarm"]

#: How long, s, a file that can't be read may be half written.
PATIENCE_S: Final = 60.0
#: Longest time for alarms to be sent at the end, s: service managers wait for 90.
DRAIN_S: Final = 10.0
# Longest sleep, s: a signal only sets a flag.
_NAP_S: Final = 0.5
# Until what failed for want of room or rights is tried again, s.
_PAUSE_S: Final = 5.0
# Files until the folder is looked at again.
_MOST: Final = 256
# A file during whose reading the process ended so often isn't read again.
_ENDS: Final = 3


class Watcher:
    """Watches one folder until told to stop.

    Args:
        folder: As typed.
        store: What is kept.
        arrivals: What is waited for.
        finder: Fills ``arrivals``.
        judge: Answers files.
        decider: Keeps what answers lead to.
        courier: Sends alarms; None: there is no webhook.
        told: Where what is decided is told.
        stop: Tells it to stop, or that there is something new.

    Attributes:
        counts: Answers by verdict, ``failed`` ones, ``alarms``, and files that ``went`` before they were read.
    """

    def __init__(
        self,
        folder: str,
        *,
        store: Store,
        arrivals: Arrivals,
        finder: Finder,
        judge: Judge,
        decider: Decider,
        courier: Courier | None,
        told: Told,
        stop: Stop,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._folder = folder
        self._store = store
        self._arrivals = arrivals
        self._finder = finder
        self._judge = judge
        self._decider = decider
        self._courier = courier
        self._told = told
        self._stop = stop
        self._tried = store.tried()
        files: tuple[tuple[str | None, Target], ...] = ((told.output, "rows"), (told.alarms, "alarms"))
        self._files = [LineFile(path, store, target) for path, target in files if path is not None]
        self._flush_at = 0.0

    def begin(self, existing: Existing) -> int | None:
        """Take in what was there before the first watch; return how many, None: this isn't the first."""
        if self._store.meta("begun") is not None:
            return None
        found = []
        for item in () if existing == "alarm" else self._finder.existing():
            if self._stop.stopping:
                return None
            found.append(item)
        self._store.begin(found, "done" if existing == "skip" else "existing")
        return len(found)

    def run(self) -> None:
        """Watch until told to stop, then finish what is begun and say what is left."""
        if self._courier is not None:
            self._courier.start()
        try:
            while not self._stop.stopping:
                more = self._finder.step(time.monotonic())
                ready = self._arrivals.ready(time.monotonic(), _MOST)
                self._answer(ready)
                self._flush()
                if not more and not ready:
                    self._sleep()
            self._flush_at = 0.0
            self._flush()
        finally:
            self._finder.close()
            if self._courier is not None:
                self._courier.leave(DRAIN_S)

    def _sleep(self) -> None:
        due = self._arrivals.next_due()
        until = min(self._finder.next_look(), math.inf if due is None else due)
        self._stop.wake.wait(min(_NAP_S, max(0.01, until - time.monotonic())))
        self._stop.wake.clear()

    def _answer(self, ready: Sequence[tuple[str, Seen]]) -> None:
        seen = dict(ready)
        sources = [Source(os.path.join(self._folder, relative), relative) for relative, _ in ready]
        # One that may have ended the process is read alone, so that it takes no other's answer along.
        suspects = [[source] for source in sources if source.relative in self._tried]
        others = [source for source in sources if source.relative not in self._tried]
        for batch in (*suspects, *judging.chunks(others)):
            if self._stop.stopping:
                return
            try:
                self._batch([source for source in batch if not self._wait_for(source)], seen)
            except (sqlite3.Error, OSError, HornetError) as error:
                self._told.tell(f"can't go on ({reason_of(error)}); trying again in {_PAUSE_S:g} s")
                for source in batch:
                    self._arrivals.postpone(source.relative, time.monotonic() + _PAUSE_S)

    def _wait_for(self, source: Source) -> bool:
        return judging.may_be_half_written(source.name) and self._arrivals.retry(
            source.relative, time.monotonic()
        )

    def _batch(self, batch: Sequence[Source], seen: dict[str, Seen]) -> None:
        """Answer files, and keep the answers to those that stayed as they were."""
        if not batch:
            return
        names = [source.relative for source in batch]
        answers = self._answers_to(batch, names)
        if answers is None:
            return
        done = [
            Done(source.relative, seen[source.relative], judged)
            for source, judged in zip(batch, answers, strict=True)
            if self._is_final(source, judged, seen[source.relative])
        ]
        self.counts["alarms"] += self._decider.keep(done)
        for one in done:
            self._arrivals.forget(one.relative)
            self.counts.update(
                item.answer.label if isinstance(item.answer, Prediction) else "failed" for item in one.judged
            )
        if self._courier is not None:
            self._courier.wake()
        kept = {one.relative for one in done}
        self._store.has_tried([name for name in names if name not in kept])
        for name in names:
            self._tried.pop(name, None)

    def _answers_to(self, batch: Sequence[Source], names: Sequence[str]) -> list[list[Judged]] | None:
        """Return the answers of each file; None: given up, as it is time to stop."""
        if self._tried.get(names[0], 0) >= _ENDS:
            message = f"hornet ended {_ENDS} times while reading this file; it isn't read again"
            return [[Judged(batch[0], Failure(batch[0].name, "crashed", message))]]
        self._store.will_try(names)
        answers = self._judged(batch)
        if answers is None:
            self._store.has_tried(names)
        return answers

    def _is_final(self, source: Source, judged: Sequence[Judged], seen: Seen) -> bool:
        """Whether a file was whole and stayed as it was; else it is waited for, or forgotten."""
        now, after = time.monotonic(), look_at(source)
        if after is None:
            self._arrivals.forget(source.relative)
            self.counts["went"] += 1
        elif after != seen:
            self._arrivals.look(source.relative, after, now)
        else:
            return not (
                judging.is_unreadable(judged[-1].answer) and self._arrivals.retry(source.relative, now)
            )
        return False

    def _judged(self, batch: Sequence[Source]) -> list[list[Judged]] | None:
        if is_video(batch[0].name):
            frames = self._careful(functools.partial(self._judge.video, batch[0]), batch[0])
            return None if frames is None else [frames]
        try:
            return [[judged] for judged in self._judge.pictures(batch)]
        except Exception:  # noqa: BLE001 - one bad file never ends a watch; which one it is, shows alone
            return [
                self._careful(functools.partial(self._judge.pictures, [source]), source) or []
                for source in batch
            ]

    def _careful(self, judge: Callable[[], list[Judged] | None], source: Source) -> list[Judged] | None:
        try:
            return judge()
        except Exception as error:  # noqa: BLE001 - see above
            message = f"{type(error).__name__}: {reason_of(error)}"
            return [Judged(source, Failure(source.name, "failed", message))]

    def _flush(self) -> None:
        """Write the lines that are kept; what can't be written now is written later."""
        if time.monotonic() < self._flush_at:
            return
        for file in self._files:
            try:
                file.flush()
            except (OSError, sqlite3.Error) as error:
                self._told.tell(f"can't write {file.path}: {reason_of(error)}; nothing is lost, trying again")
                self._flush_at = time.monotonic() + _PAUSE_S


class Stop:
    """How a watch is told to stop. A signal's handler sets a flag, and nothing that has a lock."""

    def __init__(self) -> None:
        self.stopping = False
        self.wake = threading.Event()
