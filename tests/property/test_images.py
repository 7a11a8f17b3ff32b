"""What holds for any picture and any damage."""

import contextlib
import io
import math

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from hornet.errors import ImageError
from hornet.images import Limits, PixelRule, decode, fitted_size, padding_offset, pixels, preprocess

SIZES = st.tuples(st.integers(1, 90), st.integers(1, 90))
INPUTS = st.tuples(st.integers(1, 40), st.integers(1, 40))
RULES = st.builds(PixelRule, INPUTS, st.sampled_from(["stretch", "pad"]), st.sampled_from([0.0, 1.0, 2.0]))
SEEDS = st.integers(0, 2**32 - 1)


def noise(size, seed):
    width, height = size
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def encode(image, form="PNG", **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


@given(SIZES, RULES, SEEDS, st.sampled_from(["JPEG", "PNG", "BMP"]))
@settings(deadline=None)
def test_every_picture_becomes_an_input(size, rule, seed, form):
    """Whatever the shape of the picture and of the input, the result is whole, and the same each time."""
    data = encode(noise(size, seed), form)
    array = pixels(data, rule)

    assert (*rule.size, 3) == array.shape
    assert np.uint8 == array.dtype
    assert array.tolist() == pixels(data, rule).tolist()


@given(SIZES, RULES, st.tuples(*[st.integers(0, 255)] * 3))
def test_plain_pictures_stay_plain(size, rule, colour):
    """A picture of one colour has that colour wherever it isn't padding."""
    array = preprocess(Image.new("RGB", size, colour), rule)
    tall, wide = fitted_size(size[::-1], rule)
    top, left = padding_offset((tall, wide), rule.size)

    assert (array[top : top + tall, left : left + wide] == colour).all()
    outside = np.ones(rule.size, bool)
    outside[top : top + tall, left : left + wide] = False
    assert (array[outside] == rule.fill).all()


@given(st.tuples(st.integers(1, 5000), st.integers(1, 5000)), INPUTS)
def test_padding_keeps_the_shape(size, inner):
    """The fitted size lies inside the input, touches two sides and keeps the aspect ratio to a pixel."""
    tall, wide = fitted_size(size, PixelRule(inner, "pad"))

    assert 1 <= tall <= inner[0]
    assert 1 <= wide <= inner[1]
    assert tall == inner[0] or wide == inner[1]
    scale = min(inner[0] / size[0], inner[1] / size[1])
    assert abs(tall - max(1, size[0] * scale)) <= 0.5 + 1e-9
    assert abs(wide - max(1, size[1] * scale)) <= 0.5 + 1e-9


@given(SIZES, SEEDS, st.integers(2, 8), RULES)
@settings(deadline=None)
def test_turned_twins_agree(size, seed, orientation, rule):
    """A picture and its twin of a turned camera are the same to the network."""
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    image, exif = noise(size, seed), Image.Exif()
    exif[0x0112] = orientation
    twin = encode(image.transpose(turn), exif=exif)

    assert pixels(encode(image), rule).tolist() == pixels(twin, rule).tolist()


FRACTIONS = st.floats(0, 1)
BOXES = st.tuples(FRACTIONS, FRACTIONS, FRACTIONS, FRACTIONS).filter(
    lambda box: box[0] < box[2] and box[1] < box[3]
)


@given(SIZES, SEEDS, BOXES, RULES)
def test_masked_places_do_not_matter(size, seed, box, rule):
    """Whatever stands below a mask, the network gets the same."""
    one, other = noise(size, seed), noise(size, seed)
    width, height = size
    inner = (
        math.floor(box[0] * width),
        math.floor(box[1] * height),
        math.ceil(box[2] * width),
        math.ceil(box[3] * height),
    )
    other.paste((0, 255, 0), inner)

    assert preprocess(one, rule, masks=[box]).tolist() == preprocess(other, rule, masks=[box]).tolist()


# A large JPEG drafts, so both ways of reading one are damaged.
VICTIMS = [
    encode(noise((40, 30), 1), "JPEG"),
    encode(noise((300, 200), 2), "JPEG", progressive=True),
    encode(noise((20, 20), 3), "PNG"),
    encode(noise((20, 20), 4), "GIF"),
    encode(noise((20, 20), 5), "BMP"),
    encode(noise((20, 20), 6), "TIFF", compression="tiff_lzw"),
    encode(noise((20, 20), 7), "TIFF"),
    encode(noise((20, 20), 8), "WEBP"),
    encode(noise((20, 20), 9), "AVIF"),
]
DAMAGE = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12)


@given(st.sampled_from(VICTIMS), DAMAGE, st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_damage_is_an_image_error(victim, damage, keep):
    """Damaged bytes give a picture or an ImageError: nothing else escapes, no warning either."""
    data = bytearray(victim)
    for place, value in damage:
        data[int(place * place * len(data))] = value  # squared: headers are hit more often
    data = data[: max(1, round(len(data) * max(keep, 0.3)))]
    message, shape = "", (8, 8, 3)
    try:
        shape = pixels(bytes(data), PixelRule((8, 8)), limits=Limits(max_pixels=1_000_000)).shape
    except ImageError as error:
        message = str(error)

    assert (8, 8, 3) == shape
    assert message == "" or message.isprintable()


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\xff\xd8\xff", b"BM", b"II*\0", b"GIF89a", b"\0\0\0\x18ftypavif"]),
)
@example(b"", b"\xff\xd8\xff")
@settings(max_examples=200, deadline=None)
def test_any_bytes(data, before):
    """Bytes that are no picture are an ImageError."""
    with contextlib.suppress(ImageError):
        decode(before + data, limits=Limits(max_pixels=1_000_000))
