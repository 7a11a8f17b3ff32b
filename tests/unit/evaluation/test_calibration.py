"""Temperature and threshold."""

import numpy as np
import pytest

from hornet.errors import EmptyClass
from hornet.evaluation.calibration import MAX_TEMPERATURE, MIN_TEMPERATURE, fit_temperature, fit_threshold


def test_temperature_undoes_a_scale():
    """Logits that are three times too sharp get three times the temperature."""
    generator = np.random.default_rng(0)
    margin = generator.normal(0, 2, 20_000)
    labels = (generator.random(20_000) < 1 / (1 + np.exp(-margin))).astype(int)
    logits = np.stack([-margin / 2, margin / 2], axis=1)
    fitted = fit_temperature(logits, labels)

    assert 1 == pytest.approx(fitted, abs=0.05)
    assert 3 * fitted == pytest.approx(fit_temperature(3 * logits, labels))


def test_temperature_is_bounded():
    """Without an error the logits aren't sharpened without end; without any sense they aren't flattened so."""
    apart = np.array([[1.0, -1.0], [-1.0, 1.0]])

    assert MIN_TEMPERATURE == fit_temperature(apart, [0, 1])
    assert MAX_TEMPERATURE == fit_temperature(apart, [1, 0])
    assert np.isfinite(fit_temperature(apart * 1e6, [0, 1]))


@pytest.mark.parametrize(
    ("probabilities", "labels", "threshold"),
    [
        ([0.1, 0.3, 0.5, 0.9], [0, 0, 1, 1], 0.4),  # the middle of the gap
        ([0.2, 0.4, 0.4, 0.8], [0, 0, 1, 1], 0.3),  # F1 0.8 with three called present, 0.67 with one
        ([0.4, 0.4], [0, 1], 0.2),  # all alike: below them all
    ],
)
def test_threshold(probabilities, labels, threshold):
    """The threshold lies in the middle of the gap with the highest F1."""
    assert threshold == pytest.approx(fit_threshold(probabilities, labels))


def test_of_equal_gaps_the_widest():
    """Where two gaps have the same F1, the wider one is taken: it survives small changes better."""
    probabilities = [0.95, 0.90, 0.80, 0.10, 0.05]
    labels = [1, 0, 0, 1, 0]  # F1 is 2/3 below 0.95 and below 0.10

    assert 0.075 == pytest.approx(fit_threshold(probabilities, labels))
    assert 0.5 * (0.95 + 0.5) == pytest.approx(fit_threshold([0.95, 0.50, 0.49, 0.10, 0.05], labels))


def test_threshold_of_those_allowed():
    """The best of the thresholds that are allowed is taken; where none is, the best of all."""
    probabilities, labels = [0.1, 0.3, 0.5, 0.7, 0.9], [0, 1, 0, 1, 1]

    assert 0.2 == pytest.approx(fit_threshold(probabilities, labels))
    assert 0.6 == pytest.approx(fit_threshold(probabilities, labels, allowed=lambda value: value > 0.25))
    assert 0.2 == pytest.approx(fit_threshold(probabilities, labels, allowed=lambda _: False))


def test_threshold_of_neighbouring_floats():
    """Where a gap has no middle in floating point, the upper end still tells them apart."""
    below, above = 0.5, np.nextafter(0.5, 1)

    assert above == fit_threshold([below, above], [0, 1])


def test_threshold_of_zero():
    """If hornets have a probability of 0 and calling everything present is best, the threshold says so."""
    assert 0 == fit_threshold([0.0, 0.0], [0, 1])


@pytest.mark.parametrize(
    ("logits", "labels"), [([[0, 1]], [0, 1]), ([[0, 1], [0, np.nan]], [0, 1]), ([[0, 1], [1, 0]], [0, 2])]
)
def test_bad_input_is_refused(logits, labels):
    """Shapes and values that can't be are errors."""
    with pytest.raises(ValueError, match="must"):
        fit_temperature(logits, labels)


def test_one_class_cant_be_calibrated():
    """Without pictures of both classes there is no threshold and no temperature."""
    with pytest.raises(EmptyClass, match="2 of 2 validation pictures"):
        fit_threshold([0.2, 0.6], [1, 1])
    with pytest.raises(EmptyClass, match="0 of 2 validation pictures"):
        fit_temperature([[0, 1], [1, 0]], [0, 0])


def test_bad_probabilities_are_refused():
    """A probability above 1 is an error."""
    with pytest.raises(ValueError, match="from 0 to 1"):
        fit_threshold([0.5, 1.5], [0, 1])
