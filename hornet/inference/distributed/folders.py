"""Folders that many machines write to: on a file system that all of them share, or in an S3 store."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Protocol

from hornet.errors import ConfigError, HornetError
from hornet.inference.output import whole_file
from hornet.inference.s3 import Store, is_s3, reason

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of files that are written under another name until they are whole.
_DRAFT: Final = (".hornet-", ".part")


class Folder(Protocol):
    """Files by name; a file is seen when it is whole."""

    @property
    def place(self) -> str:
        """Where it is, as typed."""

    def names(self) -> list[str]:
        """Return the names of what is in it; none if it isn't there but can be made.

        Raises:
            HornetError: If it can't be listed or made.
        """

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            HornetError: If it can't be read.
        """

    def write(self, name: str, data: bytes) -> None:
        """Write a file; all of it is there or nothing, whatever happens.

        Raises:
            HornetError: If it can't be written.
        """

    def delete(self, name: str) -> None:
        """Delete a file, if it is there.

        Raises:
            HornetError: If it can't be deleted.
        """

    def make(self) -> None:
        """Make the folder, if it isn't there.

        Raises:
            ConfigError: If it can't be made.
        """


def open_folder(place: str) -> Folder:
    """Return a folder by its path or ``s3://`` address; nothing is made or looked at yet.

    Raises:
        MissingExtra: If it is in an S3 store, and pyarrow isn't installed.
    """
    return _StoredFolder(place) if is_s3(place) else _LocalFolder(place)


def is_draft(name: str) -> bool:
    """Whether this is what a worker that died left of a file it was writing."""
    return name.startswith(_DRAFT[0]) and name.endswith(_DRAFT[1])


class _LocalFolder:
    def __init__(self, place: str) -> None:
        self.place = place

    def names(self) -> list[str]:
        try:
            return sorted(os.listdir(self.place))
        except FileNotFoundError:
            if os.path.isdir(os.path.dirname(os.path.abspath(self.place))):
                return []
            raise ConfigError(
                f"can't make the folder {self.place}: there is no folder to make it in; name another"
            ) from None
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"can't use {self.place} as a folder of rows: {getattr(error, 'strerror', None) or error}; "
                "name a new or empty folder"
            ) from None

    def read(self, name: str) -> bytes:
        try:
            with open(self._path(name), "rb") as file:
                return file.read()
        except OSError as error:
            raise HornetError(f"can't read {self._path(name)}: {error.strerror or error}") from None

    def write(self, name: str, data: bytes) -> None:
        with whole_file(self._path(name)) as file:
            file.write(data)

    def delete(self, name: str) -> None:
        try:
            with suppress(FileNotFoundError):
                os.unlink(self._path(name))
        except OSError as error:
            raise HornetError(f"can't delete {self._path(name)}: {error.strerror or error}") from None

    def make(self) -> None:
        try:
            if not os.path.isdir(self.place):
                os.mkdir(self.place)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"can't make the folder {self.place}: {getattr(error, 'strerror', None) or error}; name one in "
                "a folder that exists and is writable"
            ) from None

    def _path(self, name: str) -> str:
        return os.path.join(self.place, name)


class _StoredFolder:
    def __init__(self, place: str) -> None:
        self.place = place
        self._store = Store()

    def names(self) -> list[str]:
        with self._explained("list", self.place):
            return self._store.names(self.place)

    def read(self, name: str) -> bytes:
        with self._explained("read", self._address(name)):
            return self._store.read(self._address(name))

    def write(self, name: str, data: bytes) -> None:
        with self._explained("write", self._address(name)):
            self._store.write(self._address(name), data)

    def delete(self, name: str) -> None:
        with self._explained("delete", self._address(name)), suppress(FileNotFoundError):
            self._store.delete(self._address(name))

    def make(self) -> None:
        pass  # a folder of objects is there as soon as one of them is

    def _address(self, name: str) -> str:
        return f"{self.place.removesuffix('/')}/{name}"

    @contextmanager
    def _explained(self, what: str, address: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise HornetError(f"can't {what} {address}: {reason(error)}") from None
