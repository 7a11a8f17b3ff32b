"""Heatmap drawings: right place, right colour, readable."""

import io

import numpy as np
import pytest
from PIL import Image

from hornet.classifier import Prediction
from hornet.errors import ImageUnreadable
from hornet.heatmaps import LAYER_LONGEST, LONGEST, SHORTEST, draw, layer, spread
from hornet.images import PixelRule

STRETCH = PixelRule((32, 32))
GREY = (128, 128, 128)


def means(drawing, *boxes):
    """Return red minus blue, averaged over each box of fractions of a square picture at the top left."""
    pixels = np.asarray(drawing, dtype=float)
    side = drawing.width
    return [
        float((pixels[int(y0 * side) : int(y1 * side), int(x0 * side) : int(x1 * side)] @ [1, 0, -1]).mean())
        for x0, y0, x1, y1 in boxes
    ]


QUARTERS = ((0, 0, 0.4, 0.4), (0.6, 0, 1, 0.4), (0, 0.6, 0.4, 1), (0.6, 0.6, 1, 1))


def test_colours_and_places(encoded, mapped):
    """Red is where a place speaks for a hornet, blue where against, nothing where neither."""
    drawing = draw(encoded(GREY, (400, 400)), mapped([[5, 0], [0, -5]]), STRETCH)
    top_left, top_right, bottom_left, bottom_right = means(drawing, *QUARTERS)

    assert top_left > 50
    assert bottom_right < -50
    assert max(abs(top_right), abs(bottom_left)) < 20


def test_weak_maps_are_pale(encoded, mapped):
    """The scale is the strongest place, but at least 2 logits: a shrug doesn't look like evidence."""
    strong, weak, twice = (
        means(draw(encoded(GREY, (400, 400)), mapped([[v, v], [v, v]]), STRETCH), QUARTERS[0])[0]
        for v in (2, 0.2, 4)
    )

    assert weak == pytest.approx(strong / 10, abs=2)
    assert twice == strong


def test_map_is_upright(encoded, mapped):
    """The map lies over the upright picture, whatever its EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(GREY, (400, 200), "JPEG", exif=exif)
    drawing = draw(data, mapped([[5], [-5]]), STRETCH)

    assert (200 * SHORTEST // 200, 400) >= (drawing.width, 400)
    assert drawing.height > 400
    assert np.asarray(drawing, float)[50, 100, 0] > 150
    assert np.asarray(drawing, float)[350, 100, 2] > 150


def test_spread_stretch():
    """A stretched map covers the whole picture, linear between the centres of its places."""
    values = spread(np.array([[0, 4]], np.float32), (2, 8), STRETCH)

    assert (2, 8) == values.shape
    assert [0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4] == pytest.approx(values[0].tolist(), abs=1e-5)


def test_spread_pad():
    """Padding is cut off the map: the picture is the middle of a padded input."""
    rule = PixelRule((40, 40), "pad")
    rows = np.array([[-9], [1], [2], [-9]], np.float32)  # a picture twice as wide as high takes rows 1 and 2
    values = spread(rows, (100, 200), rule)

    assert 1.0 == pytest.approx(float(values[25].mean()), abs=0.02)
    assert 2.0 == pytest.approx(float(values[74].mean()), abs=0.02)


@pytest.mark.parametrize("size", [(2000, 1000), (1000, 2000), (10, 5), (1, 3000), (3000, 1), (1, 1)])
def test_bounded(encoded, mapped, size):
    """The picture's longest side is bounded both ways; nothing is too narrow for the caption."""
    drawing = draw(encoded(GREY, size), mapped([[1, 2], [3, 4]]), STRETCH)

    assert SHORTEST <= max(drawing.size) <= LONGEST + 100
    assert "RGB" == drawing.mode


def test_masks_are_shown(encoded, mapped):
    """What the contract masks isn't shown: the network didn't see it."""
    rule = PixelRule((32, 32), masks=((0.5, 0.5, 1.0, 1.0),), fill=(0, 255, 0))
    drawing = draw(encoded(GREY, (400, 400)), mapped([[0, 0], [0, 0]]), rule)

    assert (0, 255, 0) == drawing.getpixel((300, 300))
    assert GREY == drawing.getpixel((100, 300))


def test_caption(encoded, mapped):
    """The caption is below the picture, hides none of it, and tells verdicts apart."""
    data = encoded(GREY, (640, 400))
    present, absent, other = (
        draw(data, mapped([[0.0]], label, probability), STRETCH)
        for label, probability in (("present", 0.9), ("absent", 0.1), ("absent", 0.2))
    )

    assert np.asarray(present)[:400].min() == np.asarray(present)[:400].max() == 128
    captions = [np.asarray(drawing)[400:].tobytes() for drawing in (present, absent, other)]
    assert 3 == len(set(captions))
    assert np.asarray(present)[400:].max() > 200


def test_layer(encoded):
    """A layer alone has the shape of the upright picture, red for and blue against, opaque as the place is strong."""
    turned = Image.Exif()
    turned[0x0112] = 6
    map_ = np.array([[5, 0], [0, -5]], np.float32)
    alone = layer(encoded(GREY, (600, 300), exif=turned), map_, STRETCH)
    pixels = np.asarray(alone)

    assert ("RGBA", (LAYER_LONGEST // 2, LAYER_LONGEST)) == (alone.mode, alone.size)
    assert [214, 32, 32, 255] == pixels[0, 0].tolist()
    assert [32, 84, 214, 255] == pixels[-1, -1].tolist()
    assert 0 == pixels[0, -1, 3] == pixels[-1, 0, 3]


def test_bad_picture(mapped):
    """A picture that can't be decoded is an ImageError."""
    with pytest.raises(ImageUnreadable):
        draw(b"nothing", mapped([[0]]), STRETCH)


def test_prediction_without_map(encoded):
    """Without a heatmap there is nothing to draw."""
    with pytest.raises(ValueError, match="predict with maps"):
        draw(encoded(), Prediction("a", "absent", 0.1, (0, 0)), STRETCH)


def test_large_jpegs_are_read_small(encoded, mapped, monkeypatch):
    """A large JPEG is decoded at reduced scale, which shows as little memory and the same drawing."""
    sizes = []
    load = Image.Image.resize

    def resize(self, size, *args, **kwargs):
        sizes.append(self.size)
        return load(self, size, *args, **kwargs)

    monkeypatch.setattr(Image.Image, "resize", resize)
    draw(encoded(GREY, (4800, 3200), "JPEG"), mapped([[0.0]]), STRETCH)

    assert (1200, 800) == sizes[0]


def test_drawings_can_be_saved(encoded, mapped):
    """A drawing is an ordinary picture."""
    file = io.BytesIO()
    draw(encoded(), mapped([[1.0]]), STRETCH).save(file, "JPEG")

    assert file.getvalue().startswith(b"\xff\xd8")
