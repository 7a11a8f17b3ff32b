"""What the network said of pictures, kept beside the answers: a large folder is looked at once, not at every start."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_SAVE_SECONDS: Final = 30.0  # between two savings while pictures are looked at


@dataclass(frozen=True, slots=True)
class Look:
    """What was found out about one picture.

    Attributes:
        verdict: ``present``, ``absent`` or ``unsure``.
        probability: Calibrated, 0 to 1.
        novelty: None: the model doesn't tell.
        captured_at: By EXIF, or empty.
        camera: By EXIF, or empty.
        embedding: (512,) float16: half the room, and as good for distances.
    """

    verdict: str
    probability: float
    novelty: float | None
    captured_at: str
    camera: str
    embedding: NDArray[np.float16]


class Looks:
    """Looks of earlier starts, and of this one.

    A look is good as long as the picture has the same size and time of change, and model and software are the same. A
    file that can't be read is as good as none: the pictures are looked at again.

    Args:
        file: Where they are kept; None: nowhere.
        software: What they depend on besides the picture.
    """

    def __init__(self, file: Path | None, software: Mapping[str, str]) -> None:
        self._file = file
        self._software = dict(software)
        self._looks: dict[str, tuple[list[int], Look]] = {}
        self._saved = time.monotonic()
        self._new = False
        if file is not None and file.exists():
            try:
                self._read(file.read_bytes())
            except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
                self._looks = {}

    def __len__(self) -> int:
        return len(self._looks)

    def get(self, path: str) -> Look | None:
        """Return the look at a picture, if it is still the same."""
        known = self._looks.get(_key(path))
        return known[1] if known is not None and known[0] == _state(path) else None

    def put(self, path: str, look: Look) -> None:
        """Keep a look, and save all of them now and then."""
        state = _state(path)
        if state is not None:
            self._looks[_key(path)] = (state, look)
            self._new = True
        if time.monotonic() - self._saved > _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Write them; where that fails they are only slower to come by the next time."""
        self._saved = time.monotonic()
        if self._file is None or not self._new:
            return
        rows = [
            [path, state, look.verdict, look.probability, look.novelty, look.captured_at, look.camera]
            for path, (state, look) in self._looks.items()
        ]
        document = json.dumps({"software": self._software, "rows": rows}).encode("ascii")
        data = io.BytesIO()
        embedding = np.stack([look.embedding for _, look in self._looks.values()])
        np.savez(data, document=np.frombuffer(document, np.uint8), embedding=embedding)
        try:
            write_atomically(self._file, data.getvalue())
        except OSError:
            return
        self._new = False

    def _read(self, data: bytes) -> None:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            document: dict[str, Any] = json.loads(arrays["document"].tobytes())
            embedding = np.asarray(arrays["embedding"], np.float16)
        if document["software"] == self._software:
            for (path, state, *facts), row in zip(document["rows"], embedding, strict=True):
                verdict, probability, novelty, captured_at, camera = facts
                look = Look(verdict, probability, novelty, captured_at, camera, embedding=row)
                self._looks[path] = (state, look)


def _key(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - names stay as typed, but for the folder they are in


def _state(path: str) -> list[int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - as above
    except (OSError, ValueError):
        return None
    return [found.st_size, found.st_mtime_ns]
