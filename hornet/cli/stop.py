"""Ends that are asked for: a signal puts everything away, as Ctrl-C does."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What service managers, schedulers and closed terminals send; Windows has no SIGHUP.
_SIGNALS: Final = ("SIGTERM", "SIGHUP")
#: A shell's exit code for a process that a signal ended is this plus the signal's number.
SIGNALLED: Final = 128


@contextmanager
def orderly_stop() -> Iterator[None]:
    """Raise SystemExit where a signal would end the process on the spot, so that nothing is left behind.

    A signal that is ignored (``nohup``) or handled already stays so. Call it in the main thread.
    """
    previous: dict[int, Any] = {}

    def stop(number: int, _: object) -> NoReturn:
        raise SystemExit(SIGNALLED + number)

    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            previous[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
