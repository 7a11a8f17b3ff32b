"""Single pictures: unreadable, tiny, blank, too dark or bright, blurred.

Only what can't be read is a finding. The others are notes: a dark picture of a trap may be what the camera gives, and
the limits are conventions, not laws.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.evaluation.audit.findings import EXAMPLES, Finding, Note, Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hornet.evaluation.audit.evidence import Evidence
    from hornet.evaluation.audit.looks import Shot

#: Shorter side, px: half of the 224 px that the network takes by default.
TINY: Final = 112
#: Levels of 255 between the 5th and the 95th percentile, below which a picture shows one colour. Sensor noise of
#: a standard deviation of 3 levels spans 10.
BLANK: Final = 12.0
#: At most this is the 95th percentile of a dark picture (night, a covered lens): 4 % of white's light in sRGB.
DARK: Final = 55.0
#: At least this is the 5th percentile of a picture that is too bright: 79 % of white's light in sRGB.
BRIGHT: Final = 230.0
#: Distance from the median in robust standard deviations from which on a value is an outlier
#: (Iglewicz and Hoaglin 1993, section 3).
OUTLIER: Final = 3.5
_MAD_TO_SD: Final = 1.4826  # of a normal distribution
# A blur effect below this is no matter, however sharp the others are; our choice, see docs/audit.md.
_SHARP: Final = 0.5
_WINDOW: Final = 9  # px of the filter of Crete et al.
_FEWEST: Final = 20  # pictures from which on there is a "usual"


@dataclass(frozen=True, slots=True)
class Quality:
    """What is measured of one picture.

    Attributes:
        shorter: Shorter side of the file's picture, px.
        low: 5th percentile of its grey levels.
        high: 95th percentile.
        blur: Blur effect, 0 (sharp) to 1 (nothing but blur); NaN where there is nothing to see.
    """

    shorter: int
    low: float
    high: float
    blur: float


def measure_quality(shot: Shot) -> Quality:
    """Measure one picture, unmasked: what is burnt in is as sharp as ever, but small."""
    grey = shot.grey
    levels = np.bincount(grey.ravel(), minlength=256).cumsum()
    low, high = (float(np.searchsorted(levels, share * levels[-1])) for share in (0.05, 0.95))
    blur = blur_effect(grey) if high - low >= BLANK and min(grey.shape) > _WINDOW else float("nan")
    return Quality(min(shot.size), low, high, blur)


def blur_effect(grey: NDArray[np.uint8]) -> float:
    """Return how much a picture is blurred: how little of its detail another blur takes away.

    Crete, Dolmiere, Ladret and Nicolas, "The blur effect: perception and estimation with a new no-reference
    perceptual blur metric", SPIE 6492 (2007), with their filter of 9 px, the worse of the two directions.

    Args:
        grey: (H, W), more than 9 px each way.

    Returns:
        0 (sharp) to 1.
    """
    worst = 0.0
    for picture in (grey.astype(np.float32), grey.T.astype(np.float32)):
        sums = np.cumsum(np.pad(picture, ((_WINDOW // 2 + 1, _WINDOW // 2), (0, 0)), mode="edge"), axis=0)
        blurred = (sums[_WINDOW:] - sums[:-_WINDOW]) / _WINDOW
        before, after = np.abs(np.diff(picture, axis=0)), np.abs(np.diff(blurred, axis=0))
        detail = float(before.sum(dtype=np.float64))
        lost = float(np.maximum(0, before - after).sum(dtype=np.float64))
        worst = max(worst, (detail - lost) / detail if detail else 0.0)
    return worst


def judge_unreadable(evidence: Evidence) -> Outcome:
    """List what can't be decoded, and why."""
    bad = [
        (record.name, look.trace.error)
        for record, look in zip(evidence.records, evidence.looks, strict=True)
        if not look.readable
    ]
    if not bad:
        return Outcome()
    facts = {
        "pictures": len(bad),
        "of": len(evidence.records),
        "reasons": dict(sorted(Counter(error.partition(":")[0] for _, error in bad).items())),
        "examples": [{"path": name, "error": error} for name, error in bad[:EXAMPLES]],
    }
    return Outcome((Finding("unreadable", facts, tuple(name for name, _ in bad[:EXAMPLES])),))


def judge_quality(evidence: Evidence) -> Outcome:
    """Note pictures on which little can be seen; each under the first of these that it is."""
    kinds: dict[str, list[str]] = {"tiny": [], "dark": [], "bright": [], "blank": [], "blurred": []}
    names = [evidence.records[index].name for index in evidence.readable()]
    measured: list[Quality] = evidence.measures("quality")
    sharpest = _blur_limit([quality.blur for quality in measured])
    for name, quality in zip(names, measured, strict=True):
        tests = {
            "tiny": quality.shorter < TINY,
            "dark": quality.high <= DARK,
            "bright": quality.low >= BRIGHT,
            "blank": quality.high - quality.low < BLANK,
            "blurred": quality.blur > sharpest,
        }
        kind = next((kind for kind, holds in tests.items() if holds), None)
        if kind is not None:
            kinds[kind].append(name)
    notes = [
        Note(
            kind,
            {"pictures": len(bad), "of": len(names), "limit": TINY, "examples": bad[:EXAMPLES]},
            tuple(bad[:EXAMPLES]),
        )
        for kind, bad in kinds.items()
        if bad
    ]
    return Outcome(notes=tuple(notes))


def _blur_limit(values: list[float]) -> float:
    """Return from which blur effect on a picture is far more blurred than the others of this data set."""
    known = np.array([value for value in values if np.isfinite(value)])
    if len(known) < _FEWEST:
        return float("inf")
    middle = float(np.median(known))
    spread = _MAD_TO_SD * float(np.median(np.abs(known - middle)))
    return max(_SHARP, middle + OUTLIER * spread)
