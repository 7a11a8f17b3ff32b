"""One process at a time."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from hornet.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PAUSE: Final = 0.02  # s


def lock(descriptor: int) -> bool:
    """Return whether nobody else holds the file; the lock ends with the process."""
    if sys.platform == "win32":
        import msvcrt

        # One byte far behind the end: on Windows others couldn't read what is locked.
        os.lseek(descriptor, 1 << 40, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems know no locks
        return True
    return True


@contextmanager
def locked(file: Path, *, seconds: float = 60.0) -> Iterator[None]:
    """Hold a lock file while the context lasts; other processes and threads that want it wait.

    Args:
        file: Made if it isn't there, and left there: removing it would let two hold it.
        seconds: How long to wait for it.

    Raises:
        ConfigError: If somebody else holds it for longer.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        end = time.monotonic() + seconds
        while not lock(descriptor):
            if time.monotonic() > end:
                raise ConfigError(
                    f"{file.parent} has been in use by another process for {seconds:.0f} s; let it finish, or end it"
                )
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)
