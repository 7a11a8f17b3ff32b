"""Decoded pictures on disk, kept from run to run: what was decoded once isn't decoded again.

A file an entry, named by its key: the SHA-256 of the picture's bytes and of everything that decides what is
made of them (the rule, the code of :mod:`hornet.images`, Pillow's version). So an entry is never out of date,
only unused; the least recently used go first. A file appears by renaming and carries a checksum: processes
need no locks, and what a killed one left half-written is never taken. Whether an entry is there changes
nothing but the time.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import secrets
import shutil
import struct
import threading
import time
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import PIL

import hornet.decoders
import hornet.images
from hornet.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

#: Bytes that all entries may take where nothing else is said.
DEFAULT_LIMIT: Final = 20 * 10**9
#: Names no folder: nothing is kept.
NONE: Final = "none"

#: Most bytes of an entry: reading more from a disk is hardly faster than decoding it.
LARGEST: Final = 8 * 10**6

_HEADER: Final = struct.Struct("<8sIII")  # magic, CRC-32 of the pixels, height, width
_MAGIC: Final = b"HORNETP1"
_SPARE = 2 * 10**9  # bytes that stay free on the disk
_ORPHANED_S = 3600.0  # after which a temporary file belongs to no living process
# A file changed this shortly ago may change again without its time showing it.
_RACY_S = 2.0
_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def open_store(given: str | None = None) -> PictureStore | None:
    """Return the store in ``given``, else in ``HORNET_CACHE``, else in the user's cache folder; None for ``none``.

    ``HORNET_CACHE_LIMIT`` bounds its size.

    Raises:
        ConfigError: If the limit is no size.
    """
    named = given or os.environ.get("HORNET_CACHE")
    if named == NONE:
        return None
    limit = os.environ.get("HORNET_CACHE_LIMIT")
    if named is None:
        import platformdirs

        named = str(platformdirs.user_cache_path("hornet", appauthor=False) / "pictures")
    return PictureStore(Path(named), DEFAULT_LIMIT if limit is None else parse_size(limit))


def parse_size(text: str) -> int:
    """Return bytes of ``500MB``, ``20 GB``, ``1.5T`` or ``1000``.

    Raises:
        ConfigError: If it is no size.
    """
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)b?\s*", text.lower())
    if match is None:
        raise ConfigError(f"{text!r} is no size; write it as 500MB or 20GB")
    return int(float(match[1]) * _UNITS[match[2]])


def entry_key(digest: str, **what: Any) -> str:
    """Return the key of what is made of a picture.

    Args:
        digest: SHA-256 of the picture's bytes.
        **what: All that decides the pixels, as JSON.
    """
    text = json.dumps([digest, _code_digest(), what], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _code_digest() -> str:
    """Return what changes whenever the way from bytes to pixels might."""
    source = "".join(inspect.getsource(module) for module in (hornet.images, hornet.decoders))
    return hashlib.sha256(f"{source}{PIL.__version__}".encode()).hexdigest()


class PictureStore:
    """Pictures as uint8 (H, W, 3), by key.

    Args:
        folder: Where; made when something is kept.
        limit: Most bytes.
    """

    def __init__(self, folder: Path, limit: int = DEFAULT_LIMIT) -> None:
        self.folder, self.limit = folder, limit
        self._began = time.time()
        self._used: int | None = None
        self._full = False  # even after making room
        self._checked: set[str] = set()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def get(self, key: str) -> NDArray[np.uint8] | None:
        """Return an entry, memory-mapped, or None. Its checksum is looked at on first use."""
        file = self._file("pictures", key)
        try:
            with file.open("rb") as opened:
                magic, checksum, height, width = _HEADER.unpack(opened.read(_HEADER.size))
            array: NDArray[np.uint8] = np.memmap(file, np.uint8, "r", _HEADER.size, (height, width, 3))
            whole = key in self._checked or (magic == _MAGIC and zlib.crc32(array.data) == checksum)
            if key not in self._checked:
                os.utime(file)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, struct.error):
            whole = False
        if not whole:  # cut off by a power cut, say
            with suppress(OSError):
                file.unlink(missing_ok=True)
            return None
        self._checked.add(key)
        return array

    def has(self, key: str) -> bool:
        """Tell whether there is an entry, without looking into it."""
        return self._file("pictures", key).is_file()

    def put(self, key: str, picture: NDArray[np.uint8]) -> bool:
        """Keep a picture, if there is room; return whether."""
        if picture.nbytes > LARGEST or not self._room(picture.nbytes):
            return False
        pixels = np.ascontiguousarray(picture)
        header = _HEADER.pack(_MAGIC, zlib.crc32(pixels.data), *pixels.shape[:2])
        if not self._write(self._file("pictures", key), header, pixels.data):
            return False
        self._checked.add(key)
        return True

    def digest(self, path: Path) -> str | None:
        """Return the SHA-256 of a file's bytes, if it was remembered and the file hasn't changed since."""
        try:
            return self._file("known", _stamp(path)).read_text(encoding="ascii") or None
        except OSError:
            return None

    def remember(self, path: Path, data: bytes) -> str:
        """Return the SHA-256 of ``data``, the file's bytes, and remember it for as long as the file stays."""
        digest = hashlib.sha256(data).hexdigest()
        try:
            changed = path.stat()
            if changed.st_size == len(data) and time.time() - changed.st_ctime > _RACY_S:
                self._write(self._file("known", _stamp(path)), digest.encode())
        except OSError:
            pass  # it will be read again next time
        return digest

    def usage(self) -> tuple[int, int]:
        """Return the number of pictures and the bytes of everything."""
        sizes = [(name, size) for name, size, _ in self._files()]
        return sum(name.parent.parent.name == "pictures" for name, _ in sizes), sum(size for _, size in sizes)

    def trim(self, limit: int, *, before: float | None = None) -> int:
        """Remove the least recently used entries until ``limit`` bytes are left; return the bytes that are.

        Args:
            limit: Bytes.
            before: Keep what was used after this time, seconds since 1970, whatever the limit.
        """
        files = sorted(self._files(), key=lambda each: each[2])
        left = sum(size for _, size, _ in files)
        for file, size, used in files:
            orphan = file.suffix == ".tmp" and used < time.time() - _ORPHANED_S
            if orphan or (left > limit and (before is None or used < before)):
                try:
                    file.unlink(missing_ok=True)
                except OSError:  # mapped by a process, on Windows
                    continue
                left -= size
        return left

    def clear(self) -> None:
        """Remove everything that was kept."""
        for name in ("pictures", "known"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def describe(self) -> str:
        """Say how much is where."""
        count, size = self.usage()
        return f"{count} pictures, {size / 1e9:.2f} GB of at most {self.limit / 1e9:.0f} GB in {self.folder}"

    def _file(self, kind: str, key: str) -> Path:
        return self.folder / kind / key[:2] / key

    def _room(self, size: int) -> bool:
        with self._lock:
            if self._used is None:
                self._used = self.usage()[1]
            if self._used + size > self.limit and not self._full:
                # Never what this run uses, or it would chase its own tail.
                self._used = self.trim(min(self.limit * 9 // 10, self.limit - size), before=self._began)
                self._full = self._used + size > self.limit
            fits = self._used + size <= self.limit
            self._used += size if fits else 0
            return fits

    def _write(self, file: Path, *parts: bytes | memoryview) -> bool:
        temporary = file.with_name(f"{file.name}.{secrets.token_hex(4)}.tmp")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(file.parent).free < _SPARE:
                return False
            with temporary.open("xb") as opened:
                for part in parts:
                    opened.write(part)
            temporary.replace(file)
        except OSError:  # read-only, full: the run goes on without
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            return False
        return True

    def _files(self) -> Iterator[tuple[Path, int, float]]:
        """Yield path, bytes and time of last use of all files."""
        for name in ("pictures", "known"):
            for folder in sorted((self.folder / name).glob("??")):
                for entry in os.scandir(folder):
                    try:
                        about = entry.stat()
                    except FileNotFoundError:  # removed by another process
                        continue
                    yield Path(entry.path), about.st_size, about.st_mtime


def _stamp(path: Path) -> str:
    """Return what changes whenever a file is written or replaced."""
    about = path.stat()
    facts = (os.path.realpath(path), about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino)
    return hashlib.sha256("\0".join(map(str, facts)).encode("utf-8", "surrogateescape")).hexdigest()
