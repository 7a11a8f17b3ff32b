"""From what the user typed to the pictures it means, one at a time.

A source is a file, a folder, a glob, ``@list.txt``, ``-`` (paths on stdin), an http(s) address, or an object
or folder of an S3 store (``s3://BUCKET/KEY``). What can't be used becomes a source with an error in its place, so that nothing vanishes.

Order: sources as typed; inside a folder or glob depth first, the entries of each folder by name (code
points), which is the order of the paths' parts. Only the folders on the way to the current picture are
in memory, so a million pictures are no problem.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final

from hornet.errors import ImageError, ImageMissing, ImageUnreadable, ImageUnsupported
from hornet.images import IMAGE_EXTENSIONS
from hornet.inference.folders import FOLDER, LINKED_FOLDER, OTHER, list_folder
from hornet.inference.frames import VIDEO_EXTENSIONS
from hornet.inference.globs import MAGIC, expand_glob
from hornet.inference.lists import read_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hornet.inference.s3 import Store

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


@dataclass(frozen=True, slots=True)
class Source:
    """One picture to look at.

    Attributes:
        name: What its row says: the source as typed, joined with the path inside it; never resolved.
            For files it is also the path to open.
        relative: Path inside the scanned folder; for anything else the same as ``name``.
        remote: Whether ``name`` is an address: http(s), or an object of an S3 store.
        error: Why there is no picture to look at; None: there may be one.
        file: The video whose frame it is; None: it is no frame.
        load: Returns the bytes of a frame as a picture; may raise ImageError.
        seen: Size, bytes, and time of the last change, ns, where listing it has told; else None.
    """

    name: str
    relative: str
    remote: bool = False
    error: ImageError | None = None
    file: str | None = None
    load: Callable[[], bytes] | None = field(default=None, compare=False)
    seen: tuple[int, int] | None = None


class Scan:
    """The pictures that some sources mean; iterate once.

    Args:
        sources: Arguments as typed.
        null: Paths in lists and on stdin end in NUL instead of a newline.
        stdin: Where ``-`` reads paths from, binary; by default the process's.
        leave_out: A folder that isn't scanned, wherever it is met: what is sorted into it isn't a source.
        videos: Whether videos in folders are sources; else they are files of another kind.

    Attributes:
        skipped: Files of other kinds met in folders so far.
        skipped_heatmaps: Folders of heatmaps that an earlier run, or this one, wrote.
        skipped_sorted: Folders of sorted pictures met below others, and the one that is left out.
        skipped_links: Linked folders met so far; they aren't followed, as they may lead in circles.
    """

    def __init__(
        self,
        sources: Sequence[str],
        *,
        null: bool = False,
        stdin: IO[bytes] | None = None,
        leave_out: str | None = None,
        videos: bool = False,
    ) -> None:
        self.skipped = 0
        self.skipped_heatmaps = 0
        self.skipped_sorted = 0
        self.skipped_links = 0
        self._sources = sources
        self._null = null
        self._stdin = stdin
        self._leave_out = leave_out
        self._extensions = IMAGE_EXTENSIONS | VIDEO_EXTENSIONS if videos else IMAGE_EXTENSIONS
        self._objects: Store | None = None

    def __iter__(self) -> Iterator[Source]:
        for source in self._sources:
            # A file named like a list or glob is that file: shells hand over whatever `*` matches.
            if source == "-":
                yield from self._listed("-", self._stdin or sys.stdin.buffer)
            elif source.startswith("@") and not os.path.lexists(source):
                yield from self._list_file(source)
            else:
                yield from self._expand(source, globs=True)

    def _list_file(self, source: str) -> Iterator[Source]:
        try:
            with open(source[1:], "rb") as file:
                yield from self._listed(source, file)
        except FileNotFoundError:
            yield _broken(source, ImageMissing("no such list of paths"))
        except (OSError, ValueError) as error:  # ValueError: a null byte in the name
            yield _broken(source, ImageUnreadable(f"can't read this list of paths: {_reason(error)}"))

    def _listed(self, source: str, stream: IO[bytes]) -> Iterator[Source]:
        try:
            for line in read_list(stream, null=self._null):
                # Lists are written by programs: a bracket in a name is a bracket, not a glob.
                yield from self._expand(line, globs=False)
        except ImageUnreadable as error:
            yield Source(source, source, error=error)
        except OSError as error:
            yield _broken(source, ImageUnreadable(f"can't read this list of paths: {_reason(error)}"))

    def _expand(self, source: str, *, globs: bool) -> Iterator[Source]:
        scheme = _SCHEME.match(source)
        if scheme and scheme[1].lower() in {"http", "https"}:
            yield Source(source, source, remote=True)
            return
        if scheme and scheme[1].lower() == "s3":
            yield from self._store(source)
            return
        try:
            is_folder = stat.S_ISDIR(os.stat(source).st_mode)
        except ValueError:
            hint = "" if self._null else "; if the paths end in NUL, pass -0"
            yield _broken(source, ImageMissing(f"no file can have this name{hint}"))
            return
        except OSError as error:
            if scheme:
                yield _broken(
                    source, ImageUnsupported("only http://, https:// and s3:// addresses can be read")
                )
            elif globs and not isinstance(error, PermissionError) and MAGIC.search(source):
                yield from self._glob(source)
            else:
                # Reading it says what is wrong with it, in its turn.
                yield Source(source, source)
            return
        if is_folder:
            yield from self._folder(source)
        else:
            yield Source(source, source)

    def _store(self, address: str) -> Iterator[Source]:
        """Yield an object of an S3 store, or the pictures of a folder of objects, by extension."""
        if self._objects is None:
            from hornet.inference.s3 import Store

            self._objects = Store()
        for source in self._objects.scan(address):
            named = source.name == address
            if named or os.path.splitext(source.name)[1].lower() in IMAGE_EXTENSIONS or source.error:
                yield source
            else:
                self.skipped += 1

    def _folder(self, top: str) -> Iterator[Source]:
        """Yield the pictures of a folder, by extension, hidden ones left out."""
        # A stack instead of recursion: folders may be nested deeper than Python recurses.
        stack = [("", self._entries(top, named=True))]
        while stack:
            folder, entries = stack[-1]
            entry = next(entries, None)
            if entry is None:
                stack.pop()
                continue
            if isinstance(entry, Source):
                yield entry
                continue
            name, kind = entry
            inside = os.path.join(folder, name)
            if kind == FOLDER:
                stack.append((inside, self._entries(os.path.join(top, inside))))
            elif kind == LINKED_FOLDER:
                self.skipped_links += 1
            elif kind == OTHER or os.path.splitext(name)[1].lower() not in self._extensions:
                self.skipped += 1
            else:
                yield Source(os.path.join(top, inside), inside)

    def _entries(self, path: str, *, named: bool = False) -> Iterator[tuple[str, str] | Source]:
        """Yield names and kinds of a folder's entries, or why there are none."""
        try:
            listed = list_folder(path)
        except OSError as error:
            yield _broken(path, ImageUnreadable(f"can't list this folder: {_reason(error)}"))
            return
        if listed.is_heatmaps:
            self.skipped_heatmaps += 1
            return
        if (listed.is_sorted and not named) or self._is_left_out(path):
            self.skipped_sorted += 1
            return
        yield from listed

    def _is_left_out(self, path: str) -> bool:
        if self._leave_out is None:
            return False
        try:
            return os.path.samefile(path, self._leave_out)
        except OSError:
            return False

    def _glob(self, pattern: str) -> Iterator[Source]:
        """Yield what a shell would have made of ``pattern``: files as named ones, folders as folders."""
        found = False
        for name, is_folder in expand_glob(pattern):
            found = True
            if is_folder:
                yield from self._folder(name)
            else:
                yield Source(name, name)
        if not found:
            yield _broken(pattern, ImageMissing("no such file, and nothing matches it as a pattern"))


def _broken(source: str, error: ImageError) -> Source:
    return Source(source, source, error=error)


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)
