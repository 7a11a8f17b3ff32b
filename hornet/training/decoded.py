"""From files to what training needs of them, through the store of what was decoded before.

Of every picture the whole at the network's size, as predicting sees it; of those that crops are cut from also
the decoded picture, at the reduced scale at which :func:`hornet.images.decode` gives it for the smallest crop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from hornet.dataset.store import LARGEST, entry_key
from hornet.images import WHOLE, decode, decoded_size, pixels, preprocess, read_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hornet.dataset import Record
    from hornet.dataset.store import PictureStore
    from hornet.images import Box, PixelRule


class Decoder:
    """Decodes pictures, or finds them decoded; the result is the same.

    Args:
        rule: The contract's.
        finest: The smallest part that crops take; the whole if there are none.
        store: Where decoded pictures are kept, or None.
    """

    def __init__(self, rule: PixelRule, *, finest: Box = WHOLE, store: PictureStore | None = None) -> None:
        self.rule, self.finest, self.store = rule, finest, store

    def whole(self, record: Record, *, crops: bool) -> tuple[NDArray[np.uint8], str, bool]:
        """Return a picture at the network's size, and see to it that it is kept.

        Args:
            record: The picture.
            crops: Whether crops will be cut from it.

        Returns:
            uint8 (H, W, 3); the SHA-256 of the file, empty without a store; whether it was decoded before.

        Raises:
            ImageError: If it can't be read.
        """
        if self.store is None:
            return pixels(read_file(record.path), self.rule, masks=record.masks), "", False
        data = None
        digest = self.store.digest(record.path)
        if digest is None:
            data = read_file(record.path)
            digest = self.store.remember(record.path, data)
        key = entry_key(digest, rule=_facts(self.rule), masks=record.masks)
        kept = self.store.get(key)
        picture = kept
        wanted = crops and self.finest != WHOLE and not self.store.has(self._crops_key(digest))
        if kept is not None and not wanted:
            return kept, digest, True
        data = read_file(record.path) if data is None else data
        if wanted:
            size = decoded_size(data, self.rule, self.finest)
            if 3 * size[0] * size[1] <= LARGEST:
                decoded = decode(data, rule=self.rule, box=self.finest)
                self.store.put(self._crops_key(digest), np.asarray(decoded))
                if size == decoded_size(data, self.rule):
                    picture = preprocess(decoded, self.rule, masks=record.masks)
        if picture is None:
            picture = pixels(data, self.rule, masks=record.masks)
        if kept is None:
            self.store.put(key, picture)
        return picture, digest, kept is not None

    def for_crops(self, record: Record, digest: str) -> Image.Image:
        """Return the upright picture that crops are cut from, unmasked.

        Args:
            record: The picture.
            digest: What :meth:`whole` returned.

        Raises:
            ImageError: If it isn't kept and can't be read.
        """
        kept = None if self.store is None else self.store.get(self._crops_key(digest))
        if kept is not None:
            return Image.fromarray(kept)
        return decode(read_file(record.path), rule=self.rule, box=self.finest)

    def _crops_key(self, digest: str) -> str:
        facts = _facts(self.rule)
        # Masks are filled after decoding.
        return entry_key(
            digest,
            rule={name: facts[name] for name in ("size", "resize", "draft_margin")},
            finest=self.finest,
        )


def _facts(rule: PixelRule) -> dict[str, Any]:
    return {
        "size": rule.size,
        "resize": rule.resize,
        "draft_margin": rule.draft_margin,
        "masks": rule.masks,
        "fill": rule.fill,
    }
