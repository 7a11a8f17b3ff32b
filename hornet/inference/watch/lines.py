"""Files that get a line for each event: each line whole, and once, whatever ends the process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from hornet.inference.output import is_special, sync_folder

if TYPE_CHECKING:
    from hornet.inference.watch.store import Store, Target

# Lines a write, so that not all of a backlog is in memory twice.
_CHUNK: Final = 1000


class LineFile:
    """Brings lines from the store into a file, and to the disk.

    A line leaves the store when it is on the disk. So after any end a line that is in both places is found in the
    file's tail, and isn't written again; half a line at the end is taken away. The file may be moved away at any
    time (logrotate): it is opened anew for each write.

    Args:
        path: Made if it isn't there; others may append whole lines to it.
        store: Where the lines are.
        target: Which of them.

    Attributes:
        path: The file.
    """

    def __init__(self, path: str, store: Store, target: Target) -> None:
        self.path = path
        self._store = store
        self._target = target
        self._certain = False  # whether the file's end is what the last write left

    def flush(self) -> None:
        """Write what the store holds.

        Raises:
            OSError: If it can't be written; the lines stay in the store.
        """
        pending = self._store.lines(self._target)
        for start in range(0, len(pending), _CHUNK):
            self._write(pending[start : start + _CHUNK])

    def _write(self, pending: list[tuple[int, bytes]]) -> None:
        new = not os.path.exists(self.path)
        with open(self.path, "ab", buffering=0) as file:
            lines = [line for _, line in pending]
            if not self._certain and not is_special(self.path):
                lines = self._mend(file.fileno(), lines)
            self._certain = False
            block = memoryview(b"".join(lines))
            while block:
                block = block[file.write(block) :]
            if not is_special(self.path):
                os.fsync(file.fileno())
        if new:
            sync_folder(os.path.dirname(self.path))
        self._certain = True
        self._store.written([number for number, _ in pending])

    def _mend(self, descriptor: int, lines: list[bytes]) -> list[bytes]:
        """Take half a line of ours away, and return the lines that aren't there yet."""
        size = os.fstat(descriptor).st_size
        with open(self.path, "rb") as reader:
            reader.seek(max(0, size - 2 * sum(map(len, lines)) - (1 << 16)))
            *whole, rest = reader.read().split(b"\n")
        if rest and any(line.startswith(rest) for line in lines):
            os.truncate(self.path, size - len(rest))
        elif rest:  # somebody else's: ours begins on a line of its own
            lines = [b"\n", *lines]
        there = set(whole)
        return [line for line in lines if line.rstrip(b"\n") not in there or line == b"\n"]
