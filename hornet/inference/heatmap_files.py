"""Where heatmaps are written: one file a picture, none lost, none outside the folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import features

from hornet.errors import HornetError
from hornet.heatmaps import draw
from hornet.inference.folders import HEATMAP_MARK
from hornet.inference.output import whole_file
from hornet.inference.places import first_free, folded, relative_path

if TYPE_CHECKING:
    from hornet.classifier import Prediction
    from hornet.images import PixelRule
    from hornet.inference.sources import Source

# Format and options by extension; Pillow's own table holds kinds that can't show a photograph.
_SAVE: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), ("JPEG", {"quality": 88})),
    ".png": ("PNG", {}),
    ".webp": ("WEBP", {"quality": 88}),
    ".bmp": ("BMP", {}),
    **dict.fromkeys((".tif", ".tiff"), ("TIFF", {"compression": "tiff_deflate"})),
    ".gif": ("GIF", {}),
    ".avif": ("AVIF", {"quality": 80}),
}


class HeatmapWriter:
    """Writes heatmaps into a folder.

    A picture found in a folder keeps its path inside that folder, one named by a relative path keeps that
    path, an absolute one its file name, an address host and path. If a name is taken, ``-2``, ``-3``, ...
    is added. A folder that this makes or finds empty is marked as a folder of heatmaps: it is never
    scanned for pictures, and a later run replaces what is in it. In any other folder nothing is replaced.

    Args:
        folder: Made if it isn't there.
        rule: The contract's.

    Attributes:
        ours: Whether what is in the folder may be replaced.

    Raises:
        HornetError: If the folder can't be made or read.
    """

    def __init__(self, folder: str, rule: PixelRule) -> None:
        self._folder = folder
        self._rule = rule
        # 8 bytes a name instead of the name: a million of them must fit.
        self._taken: set[int] = set()
        try:
            os.makedirs(folder, exist_ok=True)
            mark = os.path.join(folder, HEATMAP_MARK)
            with os.scandir(folder) as entries:
                empty = next(entries, None) is None
            if empty:
                Path(mark).write_text("hornet wrote the heatmaps in this folder\n", encoding="utf-8")
            self.ours = empty or os.path.exists(mark)
        except OSError as error:
            raise HornetError(
                f"can't use {folder} for heatmaps: {error.strerror or error}; name another folder"
            ) from None

    def write(self, source: Source, data: bytes, prediction: Prediction) -> str:
        """Draw and write one heatmap.

        Args:
            source: Where the picture comes from.
            data: The encoded picture.
            prediction: The answer to it, with its heatmap.

        Returns:
            The path of the file.

        Raises:
            ImageError: If the picture can't be decoded.
            HornetError: If the file can't be written.
        """
        drawing = draw(data, prediction, self._rule)
        path = self._place(source)
        form, options = _SAVE[os.path.splitext(path)[1].lower()]
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with whole_file(path, durable=False) as file:
                drawing.save(file, form, **options)
        except OSError as error:
            raise HornetError(
                f"can't write the heatmap {path}: {error.strerror or error}; make room, or name another folder"
            ) from None
        return path

    def take(self, source: Source) -> None:
        """Take the name that :meth:`write` would, and did in an earlier session."""
        self._place(source)

    def _place(self, source: Source) -> str:
        """Return the path to write to, and take it."""
        inside = relative_path(source)
        stem, extension = os.path.splitext(inside)
        if extension.lower() not in _SAVE or (extension.lower() == ".avif" and not features.check("avif")):
            stem, extension = inside, ".png"
        name = first_free(stem, extension, lambda candidate: self._is_free(candidate, source))
        self._taken.add(hash(folded(name)))
        return os.path.join(self._folder, name)

    def _is_free(self, name: str, source: Source) -> bool:
        path = os.path.join(self._folder, name)
        return hash(folded(name)) not in self._taken and not self._would_replace(path, source)

    def _would_replace(self, path: str, source: Source) -> bool:
        """Whether something is there that isn't an earlier run's heatmap."""
        if not os.path.lexists(path):
            return False
        try:
            return not self.ours or (not source.remote and os.path.samefile(path, source.name))
        except FileNotFoundError:  # the source is gone since
            return False
        except OSError:
            return True
