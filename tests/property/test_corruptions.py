"""What must hold for corruptions of any picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hornet.dataset.drawings import draw
from hornet.evaluation.corruptions import CORRUPTIONS, SEVERITIES, at_reference, corrupt

SIZES = st.one_of(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from([(1, 1), (1, 300), (900, 3), (2, 2), (225, 31)]),
)


def _picture(size, seed):
    """Return noise, or one colour, of a width and height."""
    generator = np.random.default_rng(seed)
    low, high = sorted(generator.integers(0, 256, 2))
    array = generator.integers(low, high + 1, (size[1], size[0], 3))
    return Image.fromarray(array.astype(np.uint8))


@settings(max_examples=40, deadline=None)
@given(SIZES, st.integers(0, 2**16), st.sampled_from(list(CORRUPTIONS)), st.sampled_from(SEVERITIES))
def test_any_picture_keeps_its_size_and_isnt_changed_itself(size, seed, corruption, severity):
    """The same arguments give the same RGB picture of the same size; what was given stays as it was."""
    picture = _picture(size, seed)
    before = picture.tobytes()
    once, again = (corrupt(picture, corruption, severity, content=b"x", seed=seed) for _ in range(2))

    assert ("RGB", size) == (once.mode, once.size)
    assert once.tobytes() == again.tobytes()
    assert before == picture.tobytes()


@settings(max_examples=40, deadline=None)
@given(st.tuples(st.integers(1, 5000), st.integers(1, 5000)), st.integers(8, 64))
def test_the_reference_scale_has_the_networks_short_side(size, side):
    """Up to 8 times as long as wide a picture gets that short side; no picture gets longer than 8 times that."""
    width, height = at_reference(Image.new("RGB", size), side).size

    assert max(width, height) <= 8 * side
    if max(size) <= 8 * min(size):
        assert side == min(width, height)
        assert abs(max(width, height) - side * max(size) / min(size)) <= 0.5


@pytest.fixture(scope="module")
def drawn():
    """Return drawn pictures at the scale that they are corrupted at."""
    kinds = (("hornet", 0), ("bee", 1), ("leaves", 1))
    return [at_reference(draw(kind, seed=seed, size=(120, 90)), 96) for kind, seed in kinds]


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_higher_severity_is_farther_from_the_picture(drawn, corruption):
    """The mean distance over drawn pictures grows with every severity."""
    distances = [
        np.mean([_distance(picture, corrupt(picture, corruption, severity)) for picture in drawn])
        for severity in SEVERITIES
    ]

    assert distances[0] > 0
    assert distances == sorted(set(distances))


@pytest.mark.parametrize("corruption", ["noise", "motion", "brightness", "fog", "rain"])
def test_content_and_seed_decide_what_is_drawn(drawn, corruption):
    """Among a few contents, and among a few seeds, some pictures differ; the rest is no matter of chance."""
    by_content = {corrupt(drawn[0], corruption, 3, content=bytes([i])).tobytes() for i in range(6)}
    by_seed = {corrupt(drawn[0], corruption, 3, seed=i).tobytes() for i in range(6)}

    # Brightness has two ways only.
    assert len(by_content) == len(by_seed) == (2 if corruption == "brightness" else 6)


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_severity_means_the_same_whatever_the_pictures_size(corruption):
    """A picture of four times the pixels, brought to the reference scale and corrupted, is nearly the same."""
    large = draw("hornet", seed=0, size=(256, 192))
    small = large.resize((128, 96), Image.Resampling.BOX)
    clean, *got = (at_reference(picture, 64) for picture in (small, small, large))
    one, other = (corrupt(picture, corruption, 4) for picture in got)

    assert _distance(one, other) < 0.3 * _distance(one, clean)


@pytest.mark.parametrize("corruption", ["defocus", "motion", "fog", "rain"])
def test_lengths_are_shares_of_the_short_side(corruption):
    """Corrupting a large picture and making it small is nearly the same as corrupting the small one."""
    large = draw("hornet", seed=0, size=(256, 192))
    small = large.resize((128, 96), Image.Resampling.BOX)
    expected = corrupt(small, corruption, 4)
    got = corrupt(large, corruption, 4).resize((128, 96), Image.Resampling.BOX)

    assert _distance(expected, got) < 0.25 * _distance(expected, small)


def _distance(one, other):
    """Return the mean distance of two pictures, levels of 255."""
    return float(np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64)).mean())
