"""Pictures without metadata: nothing of the camera stays, every pixel does."""

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from hornet.dataset.drawings import draw
from hornet.dataset.stripping import strip
from hornet.errors import ImageTooLarge, ImageUnreadable
from hornet.images import Limits, PixelRule, pixels

SECRET = b"SECRET-48.8584N-2.2945E"
RULES = (PixelRule((32, 32)), PixelRule((24, 40), "pad"))


def tagged(orientation):
    """Return EXIF with a place, a camera and an orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = SECRET.decode()
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 30.0), 29: SECRET.decode()}
    return exif.tobytes()


def encoded(form, mode="RGB", orientation=6, **options):
    """Return a drawn picture with every kind of metadata that its format has."""
    file = io.BytesIO()
    image = draw("present", seed=3, size=(160, 120)).convert(mode)
    image.save(file, form, **options | ({"exif": tagged(orientation)} if form != "BMP" else {}))
    return file.getvalue()


def png_text():
    """Return PNG's own places for words."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Location", SECRET.decode())
    info.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    return info


PICTURES = {
    "jpeg": encoded("JPEG", comment=SECRET, icc_profile=SECRET, xmp=SECRET),
    "trailing": encoded("JPEG") + SECRET,
    "progressive": encoded("JPEG", progressive=True, quality=90, subsampling=0),
    "restarts": encoded("JPEG", restart_marker_blocks=2),
    "grey": encoded("JPEG", "L"),
    "cmyk": encoded("JPEG", "CMYK"),
    "upright": encoded("JPEG", orientation=1),
    "several": encoded("MPO", save_all=True, append_images=[Image.new("RGB", (160, 120))]),
    "png": encoded("PNG", pnginfo=png_text(), icc_profile=SECRET),
    "palette": encoded("PNG", "P", transparency=3),
    "alpha": encoded("PNG", "RGBA"),
    "webp": encoded("WEBP", lossless=True, xmp=SECRET),
    "tiff": encoded("TIFF", description=SECRET.decode()),
    "bmp": encoded("BMP"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_pixels_stay_and_nothing_else(name):
    """Every network input made of the result is the original's, and no word of the camera is left."""
    data = PICTURES[name]
    stripped, suffix = strip(data)

    for rule in RULES:
        assert np.array_equal(pixels(data, rule), pixels(stripped, rule))
    assert SECRET not in stripped
    with Image.open(io.BytesIO(stripped)) as image:
        assert {0x0112} >= set(image.getexif())
        assert set() == {"comment", "icc_profile", "xmp", "Location"} & set(image.info)
        assert (".jpg" if image.format == "JPEG" else ".png") == suffix


@pytest.mark.parametrize("name", ["jpeg", "progressive", "png"])
def test_compressed_pixels_are_not_touched(name):
    """JPEG and PNG aren't encoded again: the result is a part of the original, but for the orientation."""
    stripped, _ = strip(PICTURES[name])

    assert len(stripped) < len(PICTURES[name])
    assert stripped[-200:-2] in PICTURES[name]


def test_a_thumbnail_in_jfif_goes():
    """JFIF's own thumbnail, which shows what was cut away, doesn't stay."""
    data = encoded("JPEG", orientation=1)
    assert data[2:4] == b"\xff\xe0"
    thumbnail = bytes(range(48))
    longer = b"\xff\xe0\x00\x40JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x04\x04" + thumbnail
    stripped, _ = strip(data[:2] + longer + data[20:])

    assert thumbnail not in stripped


def test_the_same_picture_gets_the_same_bytes():
    """Two copies that differ in metadata alone are one picture."""
    assert strip(encoded("JPEG", comment=b"one"))[0] == strip(encoded("JPEG", comment=b"two"))[0]


@pytest.mark.parametrize("data", [b"", b"hello", PICTURES["jpeg"][:700], PICTURES["png"][:400]])
def test_damaged(data):
    """What can't be decoded is refused."""
    with pytest.raises(ImageUnreadable):
        strip(data)


def test_limits():
    """A picture that is larger than allowed as PNG is refused, however small it came."""
    with pytest.raises(ImageTooLarge, match="as PNG"):
        strip(encoded("WEBP", quality=1), Limits(max_bytes=5_000))
