"""Burnt-in text is found where it is, and nowhere else."""

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from hornet.dataset.drawings import encode_jpeg
from hornet.errors import ConfigError
from hornet.evaluation.audit.features import grey
from hornet.evaluation.audit.places import Place, masks_of, text_places
from hornet.evaluation.audit.text import find_text
from hornet.images import decode

_SIZE = (400, 300)
_FRAMES = 28
_STYLES: dict[str, dict[str, Any]] = {
    "light": {"fill": (255, 255, 255)},
    "dark": {"fill": (0, 0, 0)},
    "outlined": {"fill": (255, 255, 255), "stroke_width": 1, "stroke_fill": (0, 0, 0)},
}


def clock(rng):
    return (
        f"2024-{rng.integers(7, 11):02d}-{rng.integers(1, 31):02d} "
        f"{rng.integers(8, 19):02d}:{rng.integers(60):02d}:{rng.integers(60):02d}"
    )


def number(rng):
    return f"{rng.integers(0, 99999):05d}"


def scene(rng, size):
    """Return a hive front: boards with cracks, screws, twigs, a row of holes and a painted name."""
    slope = np.linspace(90, 190, size[0]) + np.linspace(-20, 20, size[1])[:, None]
    image = Image.fromarray(np.stack([slope, 0.8 * slope, 0.6 * slope], -1).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(10):
        y = int(rng.integers(size[1]))
        pen.line([(0, y), (size[0], y + int(rng.integers(-20, 20)))], fill=(40, 30, 20), width=2)
    for _ in range(40):
        x, y = rng.integers(size[0]), rng.integers(size[1])
        pen.line([(x, y), (x + rng.integers(20), y + rng.integers(20))], fill=(210, 190, 120), width=2)
    for hole in range(8):
        pen.ellipse((80 + 14 * hole, size[1] - 60, 87 + 14 * hole, size[1] - 53), fill=(15, 10, 10))
    pen.text((size[0] // 2, size[1] // 2), "RUCHE 12", font=ImageFont.load_default(24), fill=(230, 230, 220))
    return image


def pictures(kind, seed=0, size=_SIZE, texts=()):
    """Yield JPEGs of a fixed camera in changing light ("fixed"), in the same light ("still"), or of many places."""
    rng = np.random.default_rng(seed)
    base = scene(rng, size)
    for _ in range(_FRAMES):
        image = scene(rng, size) if kind == "moving" else base.copy()
        pen = ImageDraw.Draw(image)
        for _ in range(rng.integers(6)):  # bees at the entrance
            x, y = rng.normal(size[0] / 2, 60), rng.normal(0.7 * size[1], 25)
            pen.ellipse((x, y, x + 14, y + 8), fill=(50, 40, 20))
        light = 1.0 if kind == "still" else rng.uniform(0.5, 1.4)
        levels = np.asarray(image, np.float32) * light + rng.normal(0, 2, (*size[::-1], 3))
        image = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
        for write in texts:
            write(image, rng)
        yield encode_jpeg(image, quality=80)


def frames(kind, seed=0, size=_SIZE, texts=()):
    for data in pictures(kind, seed, size, texts):
        yield grey(np.asarray(decode(data)))


class Writer:
    """Writes text at a corner, and remembers all pixels that it ever wrote to."""

    def __init__(self, corner, say, style="light", height=14):
        self.corner, self.say, self.style = corner, say, _STYLES[style]
        self.font = ImageFont.load_default(height)
        self.box: Any = None

    def __call__(self, image, rng):
        """Write, what is said next."""
        bottom, right = self.corner.split()
        width, height = image.size
        place = (width - 6 if right == "right" else 6, height - 5 if bottom == "bottom" else 5)
        anchor = ("r" if right == "right" else "l") + ("d" if bottom == "bottom" else "a")
        text = self.say(rng) if callable(self.say) else self.say
        pen = ImageDraw.Draw(image)
        pen.text(place, text, font=self.font, anchor=anchor, **self.style)
        box = pen.textbbox(
            place, text, self.font, anchor=anchor, stroke_width=self.style.get("stroke_width", 0)
        )
        low, high = (box[:2], box[2:]) if self.box is None else (self.box[:2], self.box[2:])
        self.box = (*np.minimum(low, box[:2]).tolist(), *np.maximum(high, box[2:]).tolist())

    def covered(self, found, size):
        """Return the share of the written area that is in the rectangles."""
        inside = np.zeros(size[::-1], bool)
        for x0, y0, x1, y1 in found:
            inside[round(y0 * size[1]) : round(y1 * size[1]), round(x0 * size[0]) : round(x1 * size[0])] = (
                True
            )
        x0, y0, x1, y1 = (round(value) for value in self.box)
        return inside[y0:y1, x0:x1].mean()


@pytest.mark.parametrize("kind", ["fixed", "still", "moving"])
def test_pictures_without_text_give_none(kind):
    """Cracks, screws, holes, bees and even a painted name are not taken for burnt-in text."""
    assert [] == find_text(frames(kind, seed=5))


@pytest.mark.parametrize(
    ("kind", "style"),
    [("fixed", "light"), ("fixed", "dark"), ("still", "dark"), ("still", "outlined"), ("moving", "light")],
)
def test_a_clock_is_covered_whatever_its_colour(kind, style):
    """A clock at the bottom right is covered to its last pixel, and little else is masked."""
    writer = Writer("bottom right", clock, style)
    found = find_text(frames(kind, seed=7, texts=[writer]))
    x0, y0, x1, y1 = found[0].box

    assert [True] == [text.changes for text in found]
    assert 1.0 == writer.covered([found[0].box], _SIZE)
    assert (x1 - x0) * (y1 - y0) < 0.06


def test_frame_number_and_clock_are_both_found():
    """At 640 x 480, a frame number at the top right and a clock at the bottom right are two places."""
    size = (640, 480)
    writers = [Writer("top right", number), Writer("bottom right", clock)]
    boxes = [text.box for text in find_text(frames("fixed", seed=3, size=size, texts=writers))]

    assert 2 == len(boxes)
    assert [1.0, 1.0] == [writer.covered(boxes, size) for writer in writers]
    assert boxes[0][3] < 0.1
    assert boxes[1][1] > 0.9


def test_a_name_that_never_changes_is_found_where_the_light_does():
    """A camera's name is told from a painted one: the light changes that."""
    writer = Writer("top left", "HIVE CAM 2")
    found = find_text(frames("fixed", seed=3, texts=[writer]))

    assert [False] == [text.changes for text in found]
    assert 1.0 == writer.covered([found[0].box], _SIZE)


def test_few_pictures_say_nothing():
    """Of fewer than 16 pictures nothing is claimed, and different sizes are refused."""
    few = list(frames("still", texts=[Writer("top left", clock)]))[:12]

    assert [] == find_text(few)
    with pytest.raises(ConfigError, match="different sizes"):
        find_text([few[0], few[0][:-1]])


def test_text_is_searched_by_size_and_camera(folder_of):
    """Each camera's text is found apart; masks cover both, and what is masked already is not found again."""
    writers = {"cam1": Writer("top left", clock), "cam2": Writer("bottom right", clock)}
    records = folder_of({name: pictures("fixed", texts=[writer]) for name, writer in writers.items()})
    places = text_places(records)
    masks = masks_of(places)

    assert ["cam1", "cam2"] == [place.camera for place in places]
    assert [(300, 400)] * 2 == [place.size for place in places]
    assert [1.0, 1.0] == [writer.covered(masks, _SIZE) for writer in writers.values()]
    assert [] == text_places(records, masks=masks)


def test_masks_that_overlap_are_joined():
    """Rectangles that overlap become one; others stay."""
    boxes = [(0, 0, 0.2, 0.1), (0.1, 0.05, 0.3, 0.2), (0.25, 0, 0.5, 0.1), (0.8, 0.9, 1, 1)]
    places = [Place(box, False, (10, 10), "", 1, ()) for box in boxes]

    assert [(0, 0, 0.5, 0.2), (0.8, 0.9, 1, 1)] == masks_of(places)
