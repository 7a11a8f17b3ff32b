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
def whole_file(path: str, *, durable: bool = True, draft: str | None = None) -> Iterator[IO[bytes]]:
    """Open a file that appears under its name only when all of it is written.

    It is written beside its place under another name, brought to the disk and renamed; on an error,
    Ctrl-C or SystemExit it is removed, and what was there before stays. A link is followed; what is no
    regular file (``/dev/null``, a pipe) is written directly.

    Args:
        path: Where it will be.
        durable: Whether to wait for the disk, so that a power cut can't leave an empty file.
        draft: The other name, in the same folder; replaced if it is there. None: one that nobody has.

    Raises:
        ConfigError: If it can't be created there.
        HornetError: If it can't be written, or not be put in its place; then the message says where the
            work is kept.
    """
    try:
        target = os.path.realpath(path)
    except (OSError, ValueError) as error:  # a circle of links, a null byte
        raise _refused(path, error) from None
    if is_special(target):
        with _closing(_opened(target, path, os.O_WRONLY), path) as file:
            yield file
        return
    # Not tempfile: it makes files that only their owner can read, and costs an import.
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if draft else os.O_EXCL)
    draft = draft or os.path.join(os.path.dirname(target), f".hornet-{os.urandom(6).hex()}.part")
    try:
        with _closing(_opened(draft, path, flags), path) as file:
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
        kept = f"Nothing is lost, it is {draft}" if os.path.exists(draft) else "Its folder is gone"
        raise HornetError(
            f"can't put the finished file in its place, {path}: {error.strerror or error}. {kept}"
        ) from None
    if durable:
        sync_folder(os.path.dirname(target))


def sync_folder(folder: str) -> None:
    """Bring a folder's entries to the disk, where the system can: a rename outlives a power cut."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows
        return
    with suppress(OSError):
        descriptor = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_special(path: str) -> bool:
    """Whether there is something that must not be replaced by a file."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode)


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


def _opened(path: str, shown: str, flags: int) -> IO[bytes]:
    try:
        return os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0), 0o666), "wb")
    except (OSError, ValueError) as error:
        raise _refused(shown, error) from None


def _refused(shown: str, error: OSError | ValueError) -> ConfigError:
    reason = getattr(error, "strerror", None) or error
    return ConfigError(f"can't write {shown}: {reason}; name a file in a folder that exists and is writable")
