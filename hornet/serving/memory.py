"""Give memory that requests needed back to the system, so that a burst of them doesn't stay on the bill."""

from __future__ import annotations

import asyncio
import ctypes
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: Between two trims, s: a trim takes milliseconds, and what a burst left isn't urgent.
SECONDS: Final = 5.0


def trimmer() -> Callable[[int], int] | None:
    """Return glibc's ``malloc_trim``; None where the C library has none (musl, macOS, Windows).

    Pictures of many sizes, decoded in threads, leave holes in the heap that are free but never returned: four times the
    load that a server can take made it grow by a few dozen MiB each time.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return trim


async def trim_regularly(trim: Callable[[int], int], seconds: float = SECONDS) -> None:
    """Trim every few seconds, off the event loop, until cancelled.

    Args:
        trim: As :func:`trimmer` returns it; its argument is the slack that stays, bytes.
        seconds: Between two trims.
    """
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(trim, 0)
