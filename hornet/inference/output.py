"""Files that are whole or not there."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from hornet.errors import ConfigError, HornetError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def whole_file(path: str, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """Open a file that appears under its name only when all of it is written.

    It is written beside its place under another name, brought to the disk and renamed; on an error or
    Ctrl-C it is removed, and what was there before stays. A link is followed; what is no regular file
    (``/dev/null``, a pipe) is written directly.

    Args:
        path: Where it will be.
        durable: Whether to wait for the disk, so that a power cut can't leave an empty file.

    Raises:
        ConfigError: If it can't be created there.
        HornetError: If it can't be written, or not be put in its place; then the message says where the
            work is kept.
    """
    try:
        target = os.path.realpath(path)
    except (OSError, ValueError) as error:  # a circle of links, a null byte
        raise _refused(path, error) from None
    if _is_special(target):
        with _closing(_opened(target, path, os.O_WRONLY), path) as file:
            yield file
        return
    # Not tempfile: it makes files that only their owner can read, and costs an import.
    draft = os.path.join(os.path.dirname(target), f".hornet-{os.urandom(6).hex()}.part")
    try:
        with _closing(_opened(draft, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), path) as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)
        raise
    try:
        os.replace(draft, target)
    except OSError as error:  # on Windows: a spreadsheet has the old one open
        raise HornetError(
            f"can't put the finished file in its place, {path}: {error.strerror or error}. "
            f"Nothing is lost, it is {draft}"
        ) from None


@contextmanager
def _closing(file: IO[bytes], shown: str) -> Iterator[IO[bytes]]:
    """Close a file; a disk that is full, even if it says so only then, is a HornetError."""
    try:
        try:
            yield file
        except BaseException:
            with suppress(OSError):  # the first error says more
                file.close()
            raise
        file.close()
    except OSError as error:
        raise HornetError(f"can't write {shown}: {error.strerror or error}") from None


def _is_special(path: str) -> bool:
    """Whether there is something that must not be replaced by a file."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode)


def _opened(path: str, shown: str, flags: int) -> IO[bytes]:
    try:
        return os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0), 0o666), "wb")
    except (OSError, ValueError) as error:
        raise _refused(shown, error) from None


def _refused(shown: str, error: OSError | ValueError) -> ConfigError:
    reason = getattr(error, "strerror", None) or error
    return ConfigError(f"can't write {shown}: {reason}; name a file in a folder that exists and is writable")
