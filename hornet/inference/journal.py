"""What a long run has done so far, kept beside its output, so that it goes on after any end.

Lines of JSON. The first says what the run was asked for; then come rows, in blocks. A block is appended
by one write and ends in a seal: how many lines it has, and their CRC-32. A block without its seal (a
process killed, a full disk, a power cut) never happened: it is cut off when the journal is opened again.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zlib
from array import array
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final

from hornet.errors import ConfigError, HornetError
from hornet.inference.output import sync_folder
from hornet.inference.records import from_document, to_document
from hornet.locks import lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hornet.inference.records import Row, Seen
    from hornet.inference.sources import Source

_MAGIC: Final = "hornet predict"
_VERSION: Final = 1
_START: Final = b'{"journal": "hornet predict"'
# Longest time until what was appended is on the disk, s: what a power cut may cost.
_SYNC_S: Final = 1.0


class Journal:
    """Rows that survive; one process at a time.

    Args:
        path: Made if it isn't there; None: a file without a name, which ends with the process.
        settings: What the run was asked for, by name; JSON's own types. What another run was asked for
            can't be mixed with it.

    Attributes:
        path: Where it is; None: nowhere.
        continued: Whether it was there already.
        order: Places of the rows in the output's order, once all pictures have been answered; else None.
        placements: Where pictures are sorted to, by place of the row.

    Raises:
        ConfigError: If it can't be used: other settings, in use, no journal, no permission.
        HornetError: If it can't be written.
    """

    def __init__(self, path: str | None, settings: Mapping[str, Any]) -> None:
        self.path = path
        self.order: Sequence[int] | None = None
        self.placements: dict[int, str] = {}
        self._starts, self._lengths = array("Q"), array("L")  # of the rows, in the file
        self._end = 0
        self._synced = time.monotonic()
        self._index: dict[int, int] | None = None
        self._shifted = False  # whether the pictures aren't those of the journal, place by place
        self._file = _open(path)
        try:
            then = self._read()
            # Written as JSON and read back: tuples are lists then.
            now = json.loads(json.dumps(dict(settings)))
            self.continued = then is not None
            if then is None:
                header = {"journal": _MAGIC, "version": _VERSION, "settings": now}
                self._append([_line(header)], sync=True)
                if path is not None:
                    sync_folder(os.path.dirname(path))
            else:
                _check_settings(path or "", then, now)
        except BaseException:
            empty = not os.fstat(self._file.fileno()).st_size
            self._file.close()
            if path is not None and empty:
                with suppress(OSError):
                    os.unlink(path)
            raise
        #: Rows of earlier sessions.
        self.known = len(self._starts)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._starts)

    def row(self, place: int) -> Row:
        """Return a row."""
        self._file.seek(self._starts[place])
        return from_document(json.loads(self._file.read(self._lengths[place])))

    def find(self, place: int, source: Source, seen: Seen | None) -> int | None:
        """Return the place of an earlier session's row for a picture that hasn't changed since.

        Args:
            place: The picture's place among the sources of this session. Where the sources are the same
                as before, rows are found by place alone: a picture that is named twice has two rows.
            source: The picture.
            seen: What its file is like.
        """
        if place < self.known and not self._shifted:
            row = self.row(place)
            if row.source.name == source.name:
                return place if row.seen == seen else None
            self._shifted = True
        if not self._shifted:
            return None
        if self._index is None:
            # Hashes instead of names: a million of them must fit.
            self._index = {hash(self.row(at).source.name): at for at in range(self.known)}
        at = self._index.get(hash(source.name))
        if at is None:
            return None
        row = self.row(at)
        return at if row.source.name == source.name and row.seen == seen else None

    def append(self, rows: Sequence[Row]) -> None:
        """Keep rows, all or none of them.

        Raises:
            HornetError: If they can't be written; what was there before stays.
        """
        lines = [_line(to_document(row)) for row in rows]
        start = self._end
        self._append(lines)
        for line in lines:
            self._starts.append(start)
            self._lengths.append(len(line))
            start += len(line)

    def complete(self, order: Sequence[int]) -> None:
        """Keep that all pictures have been answered: no later session looks for further ones.

        Args:
            order: Places of the rows, in the order of the output.
        """
        in_place = len(order) == len(self) and all(at == place for place, at in enumerate(order))
        self._append([_line({"order": None if in_place else list(order)})], sync=True)
        self.order = order

    def place(self, targets: Iterable[tuple[int, str]]) -> None:
        """Keep where pictures are going to be sorted to, before any of them is."""
        targets = list(targets)
        self._append([_line({"row": at, "to": to}) for at, to in targets], sync=True)
        self.placements.update(targets)

    def close(self) -> None:
        """Leave it for a later session; one that holds nothing is removed."""
        if self.path is not None and not len(self):
            self.remove()
        elif not self._file.closed:
            with suppress(OSError):
                os.fsync(self._file.fileno())
            self._file.close()

    def remove(self) -> None:
        """Remove it: the work is done."""
        if self._file.closed:
            return
        gone = self._gone()
        self._file.close()
        if self.path is not None and not gone:
            try:
                os.unlink(self.path)
            except OSError as error:
                raise HornetError(f"can't remove {self.path}: {error.strerror or error}") from None

    def _append(self, lines: Sequence[bytes], *, sync: bool = False) -> None:
        body = b"".join(lines)
        block = memoryview(body + _line({"seal": len(lines), "crc": zlib.crc32(body)}))
        shown = self.path or "a temporary file"
        if self._gone():
            raise HornetError(f"{shown} is gone: it was removed while this run was writing to it")
        try:
            self._file.seek(self._end)
            done = 0
            while done < len(block):
                done += self._file.write(block[done:])
            if sync or time.monotonic() - self._synced > _SYNC_S:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._end)
            raise HornetError(f"can't write {shown}: {error.strerror or error}") from None
        self._end += len(block)

    def _gone(self) -> bool:
        """Whether the file has lost its name: its folder was removed."""
        return (
            self.path is not None and sys.platform != "win32" and not os.fstat(self._file.fileno()).st_nlink
        )

    def _read(self) -> dict[str, Any] | None:
        """Read what is there, and cut off what was half written.

        Returns:
            The settings of the earlier session; None: there was none.
        """
        self._file.seek(0)
        header: dict[str, Any] | None = None
        start, lines, crc = 0, list[tuple[int, bytes]](), 0
        with open(self._file.fileno(), "rb", closefd=False) as reader:
            for line in reader:
                if start == 0 and not (line.startswith(_START) or _START.startswith(line)):
                    raise ConfigError(
                        f"{self.path} is no journal of hornet predict; move it away, or name another output"
                    )
                if line.startswith(b'{"seal"'):
                    if not _is_seal(line, len(lines), crc):
                        if header is None and line.endswith(b"\n"):  # else all rows would be cut off
                            raise ConfigError(f"{self.path} is damaged; delete it to begin anew")
                        break
                    header = self._take(lines, header)
                    self._end = start + len(line)
                    lines, crc = [], 0
                else:
                    lines.append((start, line))
                    crc = zlib.crc32(line, crc)
                start += len(line)
        try:
            self._file.truncate(self._end)
        except OSError as error:
            raise HornetError(f"can't write {self.path}: {error.strerror or error}") from None
        return header

    def _take(self, lines: list[tuple[int, bytes]], header: dict[str, Any] | None) -> dict[str, Any]:
        """Take a sealed block."""
        for start, line in lines:
            if header is None:
                document = json.loads(line)
                if document["version"] != _VERSION:
                    raise ConfigError(
                        f"{self.path} was written by another version of hornet; finish it there"
                    )
                header = dict(document["settings"])
            elif line.startswith(b'{"path"'):
                self._starts.append(start)
                self._lengths.append(len(line))
            elif line.startswith(b'{"order"'):
                order = json.loads(line)["order"]
                self.order = range(len(self)) if order is None else order
            else:
                document = json.loads(line)
                self.placements[document["row"]] = document["to"]
        return header or {}


def _open(path: str | None) -> IO[bytes]:
    if path is None:
        import tempfile

        return tempfile.TemporaryFile(buffering=0)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        file = os.fdopen(descriptor, "r+b", buffering=0)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"can't write {path}: {reason}; name an output in a folder that exists and is writable"
        ) from None
    if not lock(file.fileno()):
        file.close()
        raise ConfigError(f"{path} is in use: another run is writing to it")
    return file


def _check_settings(path: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise ConfigError if a journal is of a run that was asked for something else."""
    changes = changes_between(then, now)
    if changes:
        raise ConfigError(
            f"{path} is the journal of a run with other settings, whose rows can't be mixed with these: "
            f"{'; '.join(changes)}. Repeat the settings to go on, or delete the journal to begin anew"
        )


def changes_between(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what was asked for otherwise, a clause each."""
    return [
        f"{name} was {_shown(then.get(name))} and is {_shown(now.get(name))}"
        for name in dict.fromkeys((*now, *then))
        if then.get(name) != now.get(name)
    ]


def _shown(value: Any) -> str:
    from hornet.inference.sinks import printable

    if isinstance(value, list):
        return printable(" ".join(map(str, value)) or "nothing")
    return "not given" if value is None else printable(str(value))


def _line(document: Mapping[str, Any]) -> bytes:
    # ASCII with escapes: names that are no text come back as they were.
    return json.dumps(document).encode("ascii") + b"\n"


def _is_seal(line: bytes, count: int, crc: int) -> bool:
    try:
        seal = json.loads(line)
    except ValueError:
        return False
    return bool(line.endswith(b"\n") and seal == {"seal": count, "crc": crc})
