"""One process at a time."""

from __future__ import annotations

import os
import sys


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
