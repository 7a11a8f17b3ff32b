"""One way for pixels: reading, decoding, masking, resizing."""

import io
import os
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from hornet.errors import ConfigError, ImageMissing, ImageTooLarge, ImageUnreadable, ImageUnsupported
from hornet.images import (
    IMAGE_EXTENSIONS,
    Limits,
    PixelRule,
    decode,
    fitted_size,
    padding_offset,
    pixels,
    preprocess,
    read_file,
)

ORIENTATION = 0x0112
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")


def quarters(size=(64, 48)):
    """Return a picture with a red, green, blue and white quarter: any turn or mirror shows."""
    image = Image.new("RGB", size, (255, 255, 255))
    width, height = size[0] // 2, size[1] // 2
    image.paste((255, 0, 0), (0, 0, width, height))
    image.paste((0, 255, 0), (width, 0, size[0], height))
    image.paste((0, 0, 255), (0, height, width, size[1]))
    return image


def noise(size=(64, 48), seed=0):
    width, height = size
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def encode(image, form="PNG", **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def corners(image):
    """Return the colours of the middles of the four quarters, each channel 0 or 1."""
    width, height = image.size
    return [
        tuple(int(channel > 127) for channel in image.getpixel((x, y)))
        for y in (height // 4, 3 * height // 4)
        for x in (width // 4, 3 * width // 4)
    ]


UPRIGHT = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)]


# --- reading ----------------------------------------------------------------------------------------


def test_read_file(tmp_path):
    """A file's bytes come back, whatever its name."""
    path = tmp_path / "é a\u3042.jpg"
    path.write_bytes(b"bytes")

    assert b"bytes" == read_file(path) == read_file(str(path))


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="the file system refuses such names")
def test_read_file_with_an_undecodable_name(tmp_path):
    """A name that is no text is read like any other."""
    name = os.fsencode(tmp_path) + b"/\xff\n.jpg"
    with open(name, "wb") as file:  # noqa: PTH123
        file.write(b"bytes")

    assert b"bytes" == read_file(os.fsdecode(name))


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("none.jpg", ImageMissing, "no such file"),
        ("", ImageUnreadable, "folder, not a picture"),
        ("a\0b", ImageUnreadable, "can't be read: embedded null"),
        ("file/a.jpg", ImageUnreadable, "can't be read: Not a directory"),
        ("x" * 300, ImageUnreadable, "can't be read: File name too long"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="other messages there")
def test_read_file_refuses(tmp_path, name, kind, message):
    """What can't be read is an ImageError that says why."""
    (tmp_path / "file").touch()

    with pytest.raises(kind, match=message):
        read_file(f"{tmp_path}/{name}")


def test_read_file_limit(tmp_path):
    """A file of exactly the limit is read; one byte more is refused."""
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x" * 10)

    assert 10 == len(read_file(path, Limits(max_bytes=10)))
    with pytest.raises(ImageTooLarge, match="larger than 9 bytes"):
        read_file(path, Limits(max_bytes=9))


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such device here")  # noqa: PTH110
def test_read_file_without_end():
    """A device without an end is refused instead of filling the memory."""
    with pytest.raises(ImageTooLarge, match="larger than 1,000 bytes"):
        read_file("/dev/zero", Limits(max_bytes=1000))


# --- formats ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_formats(form):
    """Every format decodes to the same upright RGB picture."""
    image = decode(encode(quarters(), form))

    assert ("RGB", (64, 48), UPRIGHT) == (image.mode, image.size, corners(image))


@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
def test_heif(form):
    """HEIC decodes where the extra is installed; AVIF by Pillow alone, never by the extra."""
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    image = decode(encode(quarters((128, 96)), form))

    assert ((128, 96), UPRIGHT) == (image.size, corners(image))


def test_heif_without_the_extra(monkeypatch):
    """Without the extra a HEIC picture says which command brings it."""
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    data = encode(quarters(), "HEIF")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)

    with pytest.raises(ImageUnsupported, match=r"pip install 'hornet-detector\[heic\]'"):
        decode(data)


def test_extension_does_not_matter():
    """Bytes decide: there is no name to look at, and the scan knows the extensions of all formats."""
    assert {
        ".jpg",
        ".jpeg",
        ".png",
        ".webp",
        ".bmp",
        ".tif",
        ".tiff",
        ".gif",
        ".heic",
        ".avif",
    } <= IMAGE_EXTENSIONS
    assert all(extension == extension.lower() and extension[0] == "." for extension in IMAGE_EXTENSIONS)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_frame(form):
    """Of several frames or pages the first counts."""
    later = [Image.new("RGB", (64, 48), colour) for colour in ((9, 9, 9), (99, 99, 99))]
    image = decode(encode(quarters(), form, save_all=True, append_images=later))

    assert UPRIGHT == corners(image)


def test_jpegs_of_several_pictures():
    """A multi-picture JPEG, as stereo cameras and phones write, is its first picture."""
    image = decode(encode(quarters(), "MPO", save_all=True, append_images=[noise()]))

    assert UPRIGHT == corners(image)


@pytest.mark.parametrize("form", ["PPM", "ICO", "TGA", "PDF", "EPS", "PCX", "SGI"])
def test_other_formats_are_refused(form):
    """Decoders that nobody needs for photographs are never tried."""
    data = encode(quarters((32, 32)), form)
    with pytest.raises(ImageUnreadable, match="not a picture, or of a kind that is not read here"):
        decode(data)


# --- modes ------------------------------------------------------------------------------------------


def grey(mode="L"):
    return Image.linear_gradient("L").convert(mode)


@pytest.mark.parametrize(
    ("image", "form"),
    [
        (grey(), "PNG"),
        (grey(), "JPEG"),
        (grey("LA"), "PNG"),
        (grey("RGBA"), "PNG"),
        (grey("P"), "PNG"),
        (grey("CMYK"), "JPEG"),
        (grey("CMYK"), "TIFF"),
        (grey("RGB").convert("YCbCr"), "JPEG"),
        (Image.fromarray(np.asarray(grey(), np.uint16) * 257), "PNG"),
        (Image.fromarray(np.asarray(grey(), np.uint16) * 257), "TIFF"),
        (Image.fromarray(np.asarray(grey(), np.int32) * 257), "TIFF"),
    ],
)
def test_grey_is_grey_in_every_mode(image, form):
    """A grey ramp is the same ramp in every mode: 8 and 16 bits, palette, alpha, CMYK."""
    decoded = np.asarray(decode(encode(image, form)), int)

    assert (256, 256, 3) == decoded.shape
    assert 4 >= np.abs(decoded - np.arange(256)[:, None, None]).max()


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_sixteen_bits_of_either_order(byte_order):
    """16-bit TIFFs are read in both byte orders."""
    values = np.array([[0, 257 * 100], [257 * 200, 65535]], dtype=byte_order + "u2")
    header = b"II*\0" if byte_order == "<" else b"MM\0*"
    tags = [
        (256, 3, 2),
        (257, 3, 2),
        (258, 3, 16),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 3, 2),
        (279, 4, 8),
    ]
    entries = b"".join(
        struct.pack(byte_order + "HHI", tag, kind, 1)
        + (struct.pack(byte_order + "HH", value, 0) if kind == 3 else struct.pack(byte_order + "I", value))
        for tag, kind, value in tags
    )
    data = (
        header
        + struct.pack(byte_order + "I", 16)
        + values.tobytes()
        + struct.pack(byte_order + "H", len(tags))
        + entries
        + bytes(4)
    )

    assert [[0, 100], [200, 255]] == np.asarray(decode(data))[..., 0].tolist()


def test_black_and_white():
    """One bit a pixel becomes black and white."""
    image = Image.new("1", (8, 8))
    image.paste(1, (0, 0, 4, 8))

    assert {(255, 255, 255), (0, 0, 0)} == set(decode(encode(image)).get_flattened_data())


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_places_show_white(mode):
    """Transparency is laid on white, whatever colour hides below it."""
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0)).convert(mode)

    assert {(255, 255, 255)} == set(
        decode(encode(image, "TIFF" if mode == "PA" else "PNG")).get_flattened_data()
    )


def test_transparent_palette_and_colour():
    """So are a palette's transparent entry and a transparent colour."""
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([255, 0, 0, 0, 255, 0])

    assert {(255, 255, 255)} == set(decode(encode(palette, transparency=1)).get_flattened_data())
    assert {(255, 255, 255)} == set(
        decode(encode(Image.new("RGB", (4, 4), (1, 2, 3)), transparency=(1, 2, 3))).get_flattened_data()
    )


def test_half_transparent():
    """Half transparent black is grey."""
    assert (127, 127, 127) == decode(encode(Image.new("RGBA", (2, 2), (0, 0, 0, 128)))).getpixel((0, 0))


def test_floating_point_is_refused():
    """Floating-point pixels have no agreed range: guessing would be silent nonsense."""
    with pytest.raises(ImageUnsupported, match="floating-point"):
        decode(encode(Image.new("F", (4, 4), 0.5), "TIFF"))


def test_lab():
    """Lab, as some scanners write, is converted, not taken for RGB."""
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.applyTransform(quarters(), ImageCms.buildTransform(*profiles, "RGB", "LAB"))
    assert lab is not None

    assert UPRIGHT == corners(decode(encode(lab, "TIFF")))


# --- orientation ------------------------------------------------------------------------------------

# What a camera does to an upright picture before it writes each orientation (EXIF 2.32, tag 274).
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def turned(image, orientation, form, **options):
    """Encode a picture as a turned camera stores it."""
    turn = STORED[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(image if turn is None else image.transpose(turn), form, exif=exif, **options)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", STORED)
def test_orientation(form, orientation):
    """Turned twins agree: every orientation decodes to the same upright picture in every format."""
    image = decode(turned(quarters(), orientation, form))

    assert ((64, 48), UPRIGHT) == (image.size, corners(image))


@pytest.mark.parametrize("orientation", STORED)
def test_turned_twins_have_the_same_pixels(orientation):
    """Losslessly stored twins give the network the same input to the last bit, masks and padding too."""
    rule = PixelRule((20, 30), "pad", masks=((0.5, 0, 1, 0.1),))
    expected = pixels(encode(noise()), rule)

    assert expected.tolist() == pixels(turned(noise(), orientation, "PNG"), rule).tolist()


@pytest.mark.parametrize("orientation", STORED)
def test_turned_twins_are_drafted_alike(orientation):
    """The reduced scale is chosen for the upright picture: a sideways JPEG isn't decoded too small."""
    rule = PixelRule((30, 120))
    image = decode(turned(quarters((960, 480)), orientation, "JPEG"), rule=rule)

    assert (240, 120) == image.size
    assert UPRIGHT == corners(image)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_unknown_orientations_are_upright(value):
    """An orientation that doesn't exist turns nothing."""
    exif = Image.Exif()
    exif[ORIENTATION] = value

    assert UPRIGHT == corners(decode(encode(quarters(), "JPEG", exif=exif)))


def test_broken_exif_does_not_spoil_pixels():
    """A damaged EXIF block is left alone."""
    data = encode(quarters(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage")

    assert UPRIGHT == corners(decode(data))


# --- limits and damage ------------------------------------------------------------------------------


def test_pixel_limit():
    """A picture of exactly the limit is decoded; one more row is refused before decoding."""
    assert (10, 10) == decode(encode(noise((10, 10))), limits=Limits(max_pixels=100)).size
    with pytest.raises(ImageTooLarge, match="10 x 11 pixels, at most 100"):
        decode(encode(noise((10, 11))), limits=Limits(max_pixels=100))


def test_byte_limit():
    """Bytes beyond the limit are refused."""
    data = encode(noise())
    with pytest.raises(ImageTooLarge, match="bytes, at most 100 are read"):
        decode(data, limits=Limits(max_bytes=100))


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, *chunks):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "bomb",
    [
        png(100_000, 100_000, chunk(b"IDAT", zlib.compress(b"\0" * 1000))),
        png(15_000, 15_000, chunk(b"IDAT", zlib.compress(b"\0" * 1000))),
        png(2**31 - 1, 1, chunk(b"IDAT", b"")),
        b"BM" + bytes(8) + struct.pack("<IIiiHHIIiiII", 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0),
        b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\0;",
    ],
)
def test_bombs(bomb):
    """A few bytes that announce billions of pixels are refused, fast and without a warning."""
    with pytest.raises(ImageTooLarge, match="smaller"):
        decode(bomb)


def test_text_bomb():
    """A small picture with an enormous compressed comment is refused as damaged."""
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 200_000_000, 9))
    data = png(2, 2, text, chunk(b"IDAT", zlib.compress(b"\0" * 14)))

    with pytest.raises(ImageUnreadable):
        decode(data)


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "BMP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated(form, share):
    """A file that breaks off is an error, not grey pixels."""
    data = encode(noise((200, 150)), form)

    with pytest.raises(ImageUnreadable):
        decode(data[: int(len(data) * share)])


def test_truncated_bmp():
    """So is one without compression."""
    with pytest.raises(ImageUnreadable, match="damaged or truncated"):
        decode(encode(noise(), "BMP")[:-1000])


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_that_lacks_its_end(progressive):
    """A JPEG without its last tenth is refused, also when it was decoded at reduced scale."""
    data = encode(noise((800, 600)), "JPEG", progressive=progressive)

    with pytest.raises(ImageUnreadable, match="damaged or truncated"):
        pixels(data[: len(data) * 9 // 10], PixelRule((32, 32)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"\0", "not a picture"),
        (b"<html>404</html>", "not a picture"),
        (b"%PDF-1.7", "not a picture"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"GIF89a", "damaged"),
        (b"BM", "damaged"),
        (b"II*\0", "damaged"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "damaged"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "damaged"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "not a picture"),
    ],
)
def test_no_picture(data, message):
    """What is no picture is an error on one line, without anything from inside the libraries."""
    with pytest.raises(ImageUnreadable, match=message) as caught:
        decode(data)

    assert str(caught.value).isprintable()
    assert "0x" not in str(caught.value)


# --- draft ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "margin", "expected"),
    [
        ((1600, 1200), 2.0, (200, 150)),
        ((1600, 1200), 4.0, (400, 300)),
        ((1600, 1200), 0.0, (1600, 1200)),
        ((400, 300), 2.0, (200, 150)),
        ((120, 90), 2.0, (120, 90)),
        ((8000, 100), 2.0, (8000, 100)),
    ],
)
def test_draft_keeps_detail(size, margin, expected):
    """A JPEG is decoded at the smallest scale with enough detail on both sides."""
    image = decode(encode(noise(size), "JPEG"), rule=PixelRule((64, 64), draft_margin=margin))

    assert expected == image.size


def test_draft_of_a_part():
    """For a crop the scale is chosen by the part that is left."""
    image = decode(encode(noise((1600, 1200)), "JPEG"), rule=PixelRule((64, 64)), box=(0.5, 0.5, 0.75, 0.75))

    assert (800, 600) == image.size


def test_draft_only_with_a_rule():
    """Without a rule a JPEG has its full size."""
    assert (1600, 1200) == decode(encode(noise((1600, 1200)), "JPEG")).size


def test_draft_changes_little():
    """The reduced scale shows the network almost the same picture."""
    data = encode(Image.radial_gradient("L").resize((1600, 1200)).convert("RGB"), "JPEG", quality=95)
    drafted, full = (pixels(data, PixelRule((64, 64), draft_margin=margin)) for margin in (2.0, 0.0))

    assert 3 >= np.abs(drafted.astype(int) - full).max()


def test_draft_of_a_padded_picture():
    """With padding the fitted size counts, not the whole input."""
    rule = PixelRule((64, 64), "pad")
    image = decode(encode(noise((1600, 400)), "JPEG"), rule=rule)

    assert (200, 50) == image.size


# --- masks and resizing -----------------------------------------------------------------------------


def test_golden_array():
    """What the network gets of a small known picture is known to the last bit.

    Halving with Pillow's bilinear filter weighs three pixels in a row 3:3:1, by the distances of their
    centres 0.5, 0.5 and 1.5 from that of the result, at a support of 2.
    """
    image = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5)

    assert [[[54, 59, 64], [77, 82, 87]], [[148, 153, 158], [171, 176, 181]]] == preprocess(
        image, PixelRule((2, 2))
    ).tolist()


def test_same_size_is_untouched():
    """A picture of the input's size comes through to the last bit."""
    image = noise((30, 20))

    assert np.asarray(image).tolist() == preprocess(image, PixelRule((20, 30))).tolist()


def test_stretch_keeps_the_whole_picture():
    """Nothing is cut off: all four corners are in the input whatever the shape."""
    for size in ((300, 20), (20, 300)):
        array = preprocess(quarters(size), PixelRule((40, 40)))
        assert UPRIGHT == corners(Image.fromarray(array))


def test_pad_keeps_the_shape():
    """Padding keeps the aspect ratio, centres the picture and fills the rest."""
    rule = PixelRule((40, 40), "pad", fill=(1, 2, 3))
    array = preprocess(Image.new("RGB", (80, 40), (200, 200, 200)), rule)

    assert [[1, 2, 3]] * 10 == array[:10, 0].tolist()
    assert (array[10:30] == 200).all()
    assert (array[30:] == [1, 2, 3]).all()
    assert ((20, 40), (10, 0)) == (fitted_size((40, 80), rule), padding_offset((20, 40), (40, 40)))


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 2)])
@pytest.mark.parametrize("resize", ["stretch", "pad"])
def test_extreme_shapes(size, resize):
    """Any picture of at least one pixel becomes a whole input."""
    array = preprocess(Image.new("RGB", size, (200, 100, 50)), PixelRule((24, 16), resize))

    assert ((24, 16, 3), "uint8") == (array.shape, str(array.dtype))
    assert [200, 100, 50] in array.reshape(-1, 3).tolist()


def test_masks_are_filled_outward():
    """Masked rectangles are filled before resizing, rounded outward, those of the picture too."""
    rule = PixelRule((10, 10), masks=((0.0, 0.0, 0.31, 0.1),), fill=(7, 8, 9))
    array = preprocess(Image.new("RGB", (10, 10), (255, 255, 255)), rule, masks=[(0.85, 0.95, 1.0, 1.0)])
    masked = (array == [7, 8, 9]).all(-1)

    assert [(0, x) for x in range(4)] + [(9, 8), (9, 9)] == [
        tuple(map(int, at)) for at in np.argwhere(masked)
    ]


def test_masks_hide_everything():
    """Two pictures that differ only below a mask are the same to the network."""
    rule = PixelRule((16, 16), masks=((0.25, 0.25, 0.75, 0.75),))
    one, other = noise((64, 64)), noise((64, 64))
    other.paste((1, 2, 3), (16, 16, 48, 48))

    assert preprocess(one, rule).tolist() == preprocess(other, rule).tolist()


def test_picture_is_not_changed():
    """The caller's picture stays as it is."""
    image = noise()
    before = image.tobytes()
    preprocess(image, PixelRule((8, 8), masks=((0, 0, 1, 1),)))

    assert before == image.tobytes()


def test_box_takes_a_part():
    """A box takes the part between its fractions; at its edge the filter sees what is beside it."""
    array = preprocess(quarters(), PixelRule((8, 8)), box=(0.5, 0.0, 1.0, 0.5))

    assert (array[:-1, 1:] == [0, 255, 0]).all()


@pytest.mark.parametrize(
    "box", [(0, 0, 0, 1), (0.5, 0, 0.4, 1), (-0.1, 0, 1, 1), (0, 0, 1, 1.1), (float("nan"), 0, 1, 1)]
)
def test_impossible_rectangles(box):
    """A rectangle that is none is a ConfigError, as mask and as box."""
    data, rule = encode(noise()), PixelRule((8, 8))
    for options in ({"masks": [box]}, {"box": box}):
        with pytest.raises(ConfigError, match="must be x0 y0 x1 y1"):
            pixels(data, rule, **options)
    with pytest.raises(ConfigError, match="must be x0 y0 x1 y1"):
        pixels(data, PixelRule((8, 8), masks=(box,)))


def test_pixels_is_decode_and_preprocess():
    """The one way is exactly its two steps."""
    data, rule, masks = encode(noise((300, 200)), "JPEG"), PixelRule((20, 30), "pad"), [(0.0, 0.0, 0.5, 0.5)]

    assert (
        preprocess(decode(data, rule=rule), rule, masks=masks).tolist()
        == pixels(data, rule, masks=masks).tolist()
    )
