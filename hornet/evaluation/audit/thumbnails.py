"""Small pictures of what an audit names, for a page to show."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from PIL import Image

from hornet.errors import ImageError
from hornet.evaluation.audit.looks import upright_size, view
from hornet.images import PixelRule, preprocess, read_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hornet.dataset.records import Record
    from hornet.images import Box

#: Longer side, px.
LONGEST: Final = 160
_QUALITY: Final = 80


def draw_thumbnails(
    records: Sequence[Record], names: Sequence[str], masks: Sequence[Box] = ()
) -> dict[str, bytes]:
    """Return small JPEGs of some pictures by name, masked as the network sees them; unreadable ones are left out.

    Args:
        records: Where the pictures are.
        names: Which ones.
        masks: Rectangles that are filled in every picture, besides its own.
    """
    by_name = {record.name: record for record in records}
    result = {}
    for name in names:
        record = by_name[name]
        try:
            data = read_file(record.path)
            small = Image.fromarray(view(data, "", upright_size(data), None, LONGEST))
        except ImageError:
            continue
        masked = preprocess(small, PixelRule(small.size[::-1]), masks=(*masks, *record.masks))
        buffer = io.BytesIO()
        Image.fromarray(masked).save(buffer, "JPEG", quality=_QUALITY)
        result[name] = buffer.getvalue()
    return result
