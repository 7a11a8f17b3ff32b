"""Pictures with the heatmap over them: where the verdict comes from.

Red speaks for a hornet, blue against. The scale is each picture's own: full colour is its strongest
place, or 2 logits where no place reaches that, so that a shrug doesn't look like evidence. A fixed scale
would show nothing: the average over all places makes the verdict, so a hornet that fills the picture
needs a few logits in each, and one that is far away needs them all in one place. The caption states the
scale.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hornet.images import PixelRule, decode, fitted_size, padding_offset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hornet.classifier import Prediction
    from hornet.images import Box

#: Longest side of the picture in the drawing, px: large enough to see, small enough to send.
LONGEST: Final = 1024
#: Smaller pictures are enlarged to this, px, so that map and caption can be read.
SHORTEST: Final = 320

#: Longest side of a layer, px: enough for seven places a side, and soon sent.
LAYER_LONGEST: Final = 256

_FLOOR: Final = 2.0  # logits
_FOR: Final = (214, 32, 32)
_AGAINST: Final = (32, 84, 214)
# How much of the picture the strongest place hides.
_OPACITY: Final = 0.6
_BACKGROUND: Final = (24, 24, 26)
_INK: Final = (236, 236, 236)
_DIM: Final = (160, 160, 164)
_VERDICT_COLOUR: Final = {"present": (255, 120, 110), "absent": (120, 200, 140), "unsure": (245, 205, 90)}


def draw(data: bytes, prediction: Prediction, rule: PixelRule) -> Image.Image:
    """Draw one picture, its heatmap and its verdict.

    Args:
        data: The encoded picture.
        prediction: The answer to it, with its heatmap.
        rule: The contract's; says which part of the input the picture is.

    Returns:
        RGB; the picture upright, at most :data:`LONGEST` px long, above a caption.

    Raises:
        ImageError: If the picture can't be decoded.
        ValueError: If the prediction has no heatmap.
    """
    if prediction.heatmap is None:
        raise ValueError("predict with maps to draw them")
    picture = _sized(decode(data, rule=PixelRule((LONGEST, LONGEST), "pad", draft_margin=1.0)))
    # What the network never saw isn't shown either.
    cover(picture, rule.masks, rule.fill)
    tinted, scale = lay_over(picture, prediction.heatmap, rule)
    return _captioned(tinted, prediction, scale)


def cover(picture: Image.Image, masks: Sequence[Box], fill: tuple[int, int, int]) -> None:
    """Fill rectangles of a picture, given as fractions, in place."""
    width, height = picture.size
    for x0, y0, x1, y1 in masks:
        corner = (math.floor(x0 * width), math.floor(y0 * height))
        picture.paste(fill, (*corner, math.ceil(x1 * width), math.ceil(y1 * height)))


def lay_over(
    picture: Image.Image, heatmap: NDArray[np.float32], rule: PixelRule
) -> tuple[Image.Image, float]:
    """Return a picture with its heatmap over it, and how many logits full colour means.

    Args:
        picture: Upright, RGB.
        heatmap: (h, w) float32, over the whole input of the network.
        rule: The contract's; says which part of the input the picture is.
    """
    values = spread(heatmap, (picture.height, picture.width), rule)
    scale = max(_FLOOR, float(np.abs(values).max()))
    return _tinted(picture, values / scale), scale


def layer(data: bytes, heatmap: NDArray[np.float32], rule: PixelRule) -> Image.Image:
    """Return what :func:`draw` lays over a picture, alone, for those who show the picture themselves.

    Args:
        data: The encoded picture; gives the shape.
        heatmap: (h, w) float32, over the whole input of the network.
        rule: The contract's; says which part of the input the picture is.

    Returns:
        RGBA, at most :data:`LAYER_LONGEST` px long, in the shape of the upright picture. Red and blue as in the
        drawing; opacity is the strength, 255 at full colour.

    Raises:
        ImageError: If the picture can't be decoded.
    """
    width, height = decode(data, rule=PixelRule((LAYER_LONGEST, LAYER_LONGEST), "pad", draft_margin=1.0)).size
    shrink = max(1.0, max(width, height) / LAYER_LONGEST)
    values = spread(heatmap, (max(1, round(height / shrink)), max(1, round(width / shrink))), rule)
    strength = values / max(_FLOOR, float(np.abs(values).max()))
    colour = np.where(values[..., None] > 0, np.asarray(_FOR, np.uint8), np.asarray(_AGAINST, np.uint8))
    opacity = np.clip(255 * np.abs(strength) + 0.5, 0, 255).astype(np.uint8)
    return Image.fromarray(np.dstack([colour, opacity]), mode="RGBA")


def spread(heatmap: NDArray[np.float32], size: tuple[int, int], rule: PixelRule) -> NDArray[np.float32]:
    """Interpolate a heatmap to the picture it belongs to.

    Args:
        heatmap: (h, w) float32, over the whole input of the network.
        size: Height and width of the upright picture, px.
        rule: The contract's; padding is cut off.

    Returns:
        ``size`` float32, bilinear, same units.
    """
    inner = fitted_size(size, rule)
    top, left = padding_offset(inner, rule.size)
    down, across = heatmap.shape[0] / rule.size[0], heatmap.shape[1] / rule.size[1]
    box = (left * across, top * down, (left + inner[1]) * across, (top + inner[0]) * down)
    cells = Image.fromarray(np.ascontiguousarray(heatmap, dtype=np.float32))
    spread_out = cells.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box)
    return np.asarray(spread_out, dtype=np.float32)


def _sized(image: Image.Image) -> Image.Image:
    longest = max(image.size)
    wanted = min(max(longest, SHORTEST), LONGEST)
    if wanted == longest:
        return image
    width, height = (max(1, round(side * wanted / longest)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def _tinted(picture: Image.Image, strength: NDArray[np.float32]) -> Image.Image:
    """Lay red and blue over a picture; ``strength`` (H, W) is -1 to 1."""
    pixels = np.asarray(picture, dtype=np.float32)  # (H, W, 3)
    colour = np.where(strength[..., None] > 0, np.asarray(_FOR, np.float32), np.asarray(_AGAINST, np.float32))
    opacity = _OPACITY * np.abs(strength)[..., None]
    mixed = pixels * (1 - opacity) + colour * opacity
    return Image.fromarray(np.clip(mixed + 0.5, 0, 255).astype(np.uint8), mode="RGB")


def _captioned(picture: Image.Image, prediction: Prediction, scale: float) -> Image.Image:
    """Put verdict, probability and the colours' meaning below a picture."""
    size = min(22, max(13, picture.width // 36))
    font, small = ImageFont.load_default(size), ImageFont.load_default(size * 0.8)
    verdict, probability = prediction.label, f"{prediction.probability:.3f}"
    gap, line = size // 2, round(size * 1.5)
    words = ("against", f"for a hornet   full colour: {scale:.1f} logits")
    strip = 5 * size
    left = round(font.getlength(verdict) + gap + font.getlength(probability))
    right = round(small.getlength(words[0]) + small.getlength(words[1]) + strip + 2 * gap)
    one_line = left + right + 5 * gap <= picture.width
    bar = line if one_line else 2 * line
    canvas_size = (max(picture.width, max(left, right) + 2 * gap), picture.height + bar + gap)
    canvas = Image.new("RGB", canvas_size, _BACKGROUND)
    canvas.paste(picture, ((canvas.width - picture.width) // 2, 0))

    pen = ImageDraw.Draw(canvas)
    middle = picture.height + gap // 2 + line // 2
    pen.text((gap, middle), verdict, _VERDICT_COLOUR[verdict], font, anchor="lm")
    pen.text((gap + font.getlength(verdict) + gap, middle), probability, _INK, font, anchor="lm")
    at = canvas.width - gap - right if one_line else gap
    middle += 0 if one_line else line
    pen.text((at, middle), words[0], _DIM, small, anchor="lm")
    at += round(small.getlength(words[0])) + gap
    # The key is tinted by the same function as the picture.
    key = np.tile(np.linspace(-1, 1, strip, dtype=np.float32), (max(4, size // 2), 1))
    canvas.paste(
        _tinted(Image.new("RGB", (key.shape[1], key.shape[0]), _INK), key), (at, middle - key.shape[0] // 2)
    )
    pen.text((at + strip + gap, middle), words[1], _DIM, small, anchor="lm")
    return canvas
