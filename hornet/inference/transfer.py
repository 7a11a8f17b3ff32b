"""One file put in one place: copied, linked or moved, whole or not at all, never over another."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from contextlib import suppress
from typing import Final, Literal

from hornet.inference.output import sync_folder

How = Literal["copy", "link", "move"]

#: A file on the way to its place, in the folder where it will be; one at a time.
_DRAFT: Final = ".hornet-sort.part"
_CHUNK: Final = 1 << 20


def transfer(source: str, target: str, how: How) -> None:
    """Put a file in its place; folders on the way are made.

    Args:
        source: A regular file, or a link to one: then what it leads to is put in place.
        target: A path that isn't there yet.
        how: ``copy`` keeps times and mode; ``link`` makes a hard link; ``move`` renames, and across file
            systems copies, waits for the disk, compares, and only then removes the source.

    Raises:
        FileExistsError: If the target is there; nothing is changed.
        OSError: If it can't be done; the source stays.
    """
    os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
    if how == "copy":
        _copy(source, target)
    elif how == "link":
        os.link(os.path.realpath(source), target)
    elif os.path.islink(source) or not _rename(source, target):
        _copy(source, target)
        finish_move(source, target)


def finish_move(source: str, target: str) -> None:
    """Remove the source of a move whose target is in place, once it is certain that it is.

    Raises:
        OSError: If the two differ, which leaves both, or if the source can't be removed.
    """
    if not os.path.islink(source) and os.path.samefile(source, target):
        # Two names of one file; or one name, reached in two ways.
        if os.lstat(source).st_nlink < 2:  # noqa: PLR2004
            raise OSError(errno.EEXIST, "is in its place already, by another way")
        os.unlink(source)
        return
    if not same_content(source, target, from_disk=True):
        raise OSError(errno.EIO, "the copy differs from the picture; both are kept")
    sync_folder(os.path.dirname(target))
    os.unlink(source)


def discard_draft(target: str) -> str:
    """Remove what a process that was killed left beside a target, and return its path.

    It may be the target under a second name: never write to it.
    """
    draft = os.path.join(os.path.dirname(target), _DRAFT)
    with suppress(FileNotFoundError):
        os.unlink(draft)
    return draft


def same_content(one: str, other: str, *, from_disk: bool = False) -> bool:
    """Whether two files hold the same bytes.

    Args:
        one: A file.
        other: A regular file, not a link to one.
        from_disk: Whether to read the other's bytes from the disk, not from memory, where the system can.

    Raises:
        OSError: If one can't be read.
    """
    if not stat.S_ISREG(os.lstat(other).st_mode):
        return False
    with open(one, "rb") as first, open(other, "rb") as second:
        if os.fstat(first.fileno()).st_size != os.fstat(second.fileno()).st_size:
            return False
        if from_disk and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(second.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while chunk := first.read(_CHUNK):
            if chunk != second.read(_CHUNK):
                return False
    return True


def _rename(source: str, target: str) -> bool:
    """Give a file another name; return False if that lies on another file system.

    Not os.rename alone: it would replace what is there, except on Windows.
    """
    if sys.platform == "win32":
        try:
            os.rename(source, target)
        except FileExistsError:
            raise
        except OSError as error:
            if getattr(error, "winerror", None) == 17:  # noqa: PLR2004 - ERROR_NOT_SAME_DEVICE
                return False
            raise
        return True
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno == errno.EXDEV:
            return False
        return _rename_without_links(source, target)
    os.unlink(source)
    return True


def _rename_without_links(source: str, target: str) -> bool:
    """Rename where files can't have two names (memory cards), or not for this user."""
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return False
        raise
    return True


def _copy(source: str, target: str) -> None:
    """Copy a file; it appears under its name when all of it is on the disk."""
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    draft = discard_draft(target)
    try:
        shutil.copyfile(source, draft)
        with open(draft, "r+b") as file:
            os.fsync(file.fileno())
        with suppress(OSError):  # a file system without modes or attributes
            shutil.copystat(source, draft)
        _settle(draft, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)
        raise


def _settle(draft: str, target: str) -> None:
    if not _rename(draft, target):  # the folder is one, so this can't be
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), target)
