"""Objects of an S3 store, through pyarrow's file system: pictures to read, rows to write.

Credentials, region and address are looked for where every AWS tool does: ``AWS_*`` variables, ``~/.aws``, the
machine's role. A name is ``s3://BUCKET/KEY``, the key as it is, never percent-encoded.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

from hornet.errors import ImageError, ImageMissing, ImageTooLarge, ImageUnreadable, MissingExtra
from hornet.images import Limits
from hornet.inference.sources import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEME: Final = "s3://"
#: What AWS says; the number of the request differs each time, and would make rows differ.
_AWS: Final = re.compile(r"AWS Error (\w+) during (\w+) operation: (.*?)(?: \(Request ID: .*\))?$")


def is_s3(name: str) -> bool:
    """Whether this names an object, or a folder of objects."""
    return name[: len(SCHEME)].lower() == SCHEME


class Store:
    """The S3 store of the environment; safe to share between threads. Buckets are connected to on first use.

    Args:
        limits: Largest picture that is read.

    Raises:
        MissingExtra: If pyarrow isn't installed.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        try:
            from pyarrow import fs
        except ImportError:
            raise MissingExtra("s3", "s3://") from None
        self._fs: Any = fs
        self._max_bytes = (limits or Limits()).max_bytes
        self._buckets: dict[str, Any] = {}

    def scan(self, url: str) -> Iterator[Source]:
        """Yield the object of this name, or every object of this folder, depth first, by name.

        Objects and folders whose names begin with a dot are skipped. What can't be used becomes a source with
        an error.
        """
        try:
            found = self._info(url)
        except ImageError as error:
            yield Source(url, url, remote=True, error=error)
            return
        if found.type == self._fs.FileType.Directory:
            yield from self._folder(url)
        else:
            # Reading one that isn't there says so, in its turn.
            yield Source(url, url, remote=True, seen=_seen(found))

    def fetch(self, url: str) -> bytes:
        """Return an object's bytes.

        Raises:
            ImageMissing: If there is no such object.
            ImageTooLarge: If it has more bytes than allowed.
            ImageUnreadable: If the store refuses or doesn't answer.
        """
        try:
            system, path = self._open(url)
            with system.open_input_stream(path, compression=None) as stream:
                data = bytes(stream.read(self._max_bytes + 1))
        except FileNotFoundError:
            raise ImageMissing("no such object") from None
        except (OSError, ValueError) as error:
            raise _unreadable(error) from None
        if len(data) > self._max_bytes:
            raise ImageTooLarge(f"larger than {self._max_bytes:,} bytes; make it smaller")
        return data

    def names(self, url: str) -> list[str]:
        """Return the names of the objects in a folder, sorted; of those below its folders, none.

        Raises:
            OSError: If it can't be listed; a folder that isn't there has no names.
        """
        return [info.base_name for info in self._entries(url) if info.type == self._fs.FileType.File]

    def read(self, url: str) -> bytes:
        """Return an object's bytes, as many as there are.

        Raises:
            OSError: If it can't be read.
        """
        system, path = self._open(url)
        with system.open_input_stream(path, compression=None) as stream:
            return bytes(stream.read())

    def write(self, url: str, data: bytes) -> None:
        """Write an object; it is seen when it is whole.

        Raises:
            OSError: If it can't be written.
        """
        system, path = self._open(url)
        with system.open_output_stream(path, compression=None) as stream:
            stream.write(data)

    def delete(self, url: str) -> None:
        """Delete an object.

        Raises:
            OSError: If it can't be deleted.
        """
        system, path = self._open(url)
        system.delete_file(path)

    def _folder(self, top: str) -> Iterator[Source]:
        stack = [iter(self._inside(top, ""))]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif isinstance(entry, Source):
                yield entry
            else:
                stack.append(iter(self._inside(top, entry)))

    def _inside(self, top: str, folder: str) -> Iterator[Source | str]:
        """Yield objects and folders; an object's name is joined with ``top``, a folder's isn't."""
        try:
            entries = self._entries(_join(top, folder))
        except (OSError, ValueError) as error:
            name = _join(top, folder)
            yield Source(name, name, remote=True, error=_unreadable(error, "can't list this folder"))
            return
        for info in entries:
            if info.base_name.startswith("."):
                continue
            inside = _join(folder, info.base_name)
            if info.type == self._fs.FileType.Directory:
                yield inside
            else:
                yield Source(_join(top, inside), inside, remote=True, seen=_seen(info))

    def _entries(self, url: str) -> list[Any]:
        system, path = self._open(url)
        selector = self._fs.FileSelector(path, allow_not_found=True)
        return sorted(system.get_file_info(selector), key=lambda info: str(info.base_name))

    def _info(self, url: str) -> Any:
        try:
            system, path = self._open(url)
            return system.get_file_info(path)
        except (OSError, ValueError) as error:
            raise _unreadable(error) from None

    def _open(self, url: str) -> tuple[Any, str]:
        """Return the file system of a bucket, and the path inside."""
        path = url[len(SCHEME) :].rstrip("/")
        bucket = path.partition("/")[0]
        if not bucket:
            raise OSError("there is no bucket in this address; write s3://BUCKET/KEY")
        if bucket not in self._buckets:
            endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
            region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
            if not region and not endpoint:
                region = self._fs.resolve_s3_region(bucket)
            self._buckets[bucket] = self._fs.S3FileSystem(
                region=region or None, endpoint_override=endpoint or None
            )
        return self._buckets[bucket], path


def reason(error: OSError | ValueError) -> str:
    """Return what a store says is wrong, the same for the same fault."""
    text = " ".join(str(error).split())
    if found := _AWS.search(text):
        return f"the store answers {found[1]} to {found[2]}: {found[3]}"
    return text


def _unreadable(error: OSError | ValueError, what: str = "can't be read") -> ImageUnreadable:
    return ImageUnreadable(f"{what}: {reason(error)}")


def _seen(info: Any) -> tuple[int, int] | None:
    return None if info.size is None or info.mtime_ns is None else (info.size, info.mtime_ns)


def _join(folder: str, name: str) -> str:
    return f"{folder.removesuffix('/')}/{name}" if folder and name else folder or name
