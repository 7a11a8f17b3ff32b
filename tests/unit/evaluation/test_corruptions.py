"""Corruptions are what they are called."""

import itertools

import numpy as np
import pytest
from PIL import Image

from hornet.errors import ConfigError
from hornet.evaluation.corruptions import check_corruptions, corrupt

SIDE = 224


def _grey(value=128, size=(SIDE, SIDE)):
    return Image.new("RGB", size, (value, value, value))


def _array(image):
    return np.asarray(image, np.float64) / 255


def _edge():
    """Return black to the left and white to the right, at the paper's size."""
    image = _grey(0)
    image.paste((255, 255, 255), (SIDE // 2, 0, SIDE, SIDE))
    return image


@pytest.mark.parametrize(("severity", "expected"), [(1, 0.08), (2, 0.12), (3, 0.18)])
def test_noise_has_the_papers_deviation(severity, expected):
    """On grey, where nothing is clipped, the standard deviation is the table's, in all channels independently."""
    noise = _array(corrupt(_grey(), "noise", severity)) - 128 / 255

    assert expected == pytest.approx(noise.std(), rel=0.02)
    assert np.abs(np.corrcoef(noise.reshape(-1, 3).T) - np.eye(3)).max() < 0.02


@pytest.mark.parametrize(("severity", "radius"), [(1, 3), (3, 6), (5, 10)])
def test_defocus_spreads_an_edge_by_the_discs_radius(severity, radius):
    """At the paper's size a point reaches as far as the disc, and the blur keeps the sum of the light."""
    row = _array(corrupt(_edge(), "defocus", severity))[SIDE // 2, :, 0]
    changed = np.flatnonzero((row > 0) & (row < 1))

    assert abs(len(changed) / 2 - radius) <= 1
    assert row.mean() == pytest.approx(0.5, abs=0.01)


def test_motion_goes_in_one_direction():
    """A point becomes a line: most of its spread lies along one axis, within 45 degrees of the horizon."""
    point = _grey(0)
    point.paste((255, 255, 255), (100, 100, 103, 103))
    light = _array(corrupt(point, "motion", 5)).sum(axis=2)
    y, x = np.mgrid[:SIDE, :SIDE]
    spread, axes = np.linalg.eigh(np.cov(y.ravel(), x.ravel(), aweights=light.ravel()))

    assert spread[1] > 10 * spread[0]
    assert abs(axes[1, 1]) > abs(axes[0, 1])


def test_brightness_goes_both_ways_and_keeps_the_hue():
    """Some pictures get lighter and others darker by the table's step; green stays green, black becomes grey."""
    colour = Image.new("RGB", (4, 4), (40, 160, 90))
    found = {corrupt(colour, "brightness", 2, content=bytes([i])).getpixel((0, 0)) for i in range(8)}

    assert {(53, 211, 119), (27, 109, 61)} == found
    lightened = {corrupt(_grey(0), "brightness", 2, content=bytes([i])).getpixel((0, 0)) for i in range(8)}
    assert {(0, 0, 0), (51, 51, 51)} == lightened


def test_fog_takes_contrast_and_darkens_nothing_but_white():
    """Contrast falls to about 1 / (1 + amount); grey gets lighter everywhere."""
    foggy = _array(corrupt(_edge(), "fog", 2))
    contrast = foggy[:, SIDE // 2 :].mean() - foggy[:, : SIDE // 2].mean()

    assert 0.25 < contrast < 0.5
    assert (_array(corrupt(_grey(), "fog", 2)) >= 128 / 255).all()


def test_drops_turn_the_scene_upside_down():
    """What is dark above and light below has drops that are light above and dark below; the rest stays."""
    scene = _grey(40)
    scene.paste((220, 220, 220), (0, SIDE // 2, SIDE, SIDE))
    clean, rained = _array(scene), _array(corrupt(scene, "rain", 5))
    covered = np.abs(rained - clean).max(axis=2) > 0.02
    middle = slice(SIDE // 2 - 30, SIDE // 2), slice(SIDE // 2, SIDE // 2 + 30)
    above, below = (rained[rows][np.abs(rained - clean).max(axis=2)[rows] > 0.3] for rows in middle)

    assert 0.15 < covered.mean() < 0.7
    assert above.mean() > below.mean()


def test_drops_of_a_severity_are_among_those_of_the_next():
    """What is dry at a severity was dry before."""
    scene = Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 128, 3)).astype(np.uint8))
    wet = [(np.asarray(corrupt(scene, "rain", s)) != np.asarray(scene)).any(axis=2) for s in (1, 2, 3, 4, 5)]

    for fewer, more in itertools.pairwise(wet):
        assert not (fewer & ~more).any()
        assert fewer.sum() < more.sum()


def test_downscale_leaves_that_share_of_each_side():
    """Stripes of one pixel vanish, stripes as wide as an eighth of the picture stay."""
    fine, coarse = (
        Image.fromarray(
            np.repeat((255 * (np.arange(64) // n % 2)).astype(np.uint8)[None, :, None], 3, 2).repeat(64, 0)
        )
        for n in (1, 8)
    )

    assert _array(corrupt(fine, "downscale", 5))[:, 4:-4].std() < 0.05
    assert _array(corrupt(coarse, "downscale", 5)).std() > 0.35


@pytest.mark.parametrize(
    ("corruptions", "severities", "message"),
    [
        (["snow"], [1], "There is no corruption 'snow'. Use noise, defocus, motion, brightness, fog, rain, jpeg, downscale."),
        (["fog"], [6], "There is no severity 6; they are 1 to 5."),
        ([], [1], "At least one corruption and one severity are needed."),
        (["fog"], [], "At least one corruption and one severity are needed."),
    ],
)  # fmt: skip
def test_what_doesnt_exist_is_refused(corruptions, severities, message):
    """The message lists what there is."""
    with pytest.raises(ConfigError) as error:
        check_corruptions(corruptions, severities)

    assert message == str(error.value)
