"""What the audit says of shortcuts in English: from the facts of probes, gaps and burnt-in text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Facts = Mapping[str, Any]
    Sentence = Callable[[Facts], str]

_CLUES: Final = {
    "day": "the day",
    "hour": "the hour",
    "camera": "the camera",
    "number": "the number in the name",
    "size": "width and height",
    "encoding": "how the file was compressed",
    "exif": "what the camera noted in the file",
}
_WAYS: Final = {
    "random": "at random",
    "group": "by group",
    "day": "by day",
    "camera": "by camera",
    "camera and day": "by camera and day",
}
_SHOWN: Final = 4


def area(facts: Facts) -> str:
    """Say how well a probe guesses."""
    return (
        f"AUC {facts['auc']:.2f}, 95 % interval {facts['low']:.2f} to {facts['high']:.2f}; guessing gives "
        f"{facts['chance']:.2f}"
    )


def where(box: Sequence[float]) -> str:
    """Say in words where a rectangle lies."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    down = "top" if y < 1 / 3 else "bottom" if y > 2 / 3 else "middle"
    across = " left" if x < 1 / 3 else " right" if x > 2 / 3 else ""
    return f"{down}{across}"


def flags(masks: Sequence[Sequence[float]]) -> str:
    """Return the masks as flags of ``hornet train``."""
    return " ".join("--mask " + ",".join(f"{value:g}" for value in mask) for mask in masks)


def _metadata(facts: Facts) -> str:
    best = facts["clues"][0]["clue"] if facts.get("clues") else None
    most = f" What tells most is {_CLUES[best]}." if best else ""
    random = f" With pictures split at random it would be {facts['auc_random']:.2f}." if best else ""
    return (
        f"presence and absence can be told without seeing a single pixel, from date, hour, camera, name and format of "
        f"the file ({area(facts)}).{most}{random} Whatever else comes with these, light or a clock, gives "
        "the label away too: film both classes with the same cameras, on the same days, at the same hours; split by "
        "whole days; and trust figures within a camera and day (hornet evaluate --stratum camera,day)."
    )


def _corner(facts: Facts) -> str:
    corner = f"the {facts['corner']} corner" if "corner" in facts else "a corner"
    return (
        f"{corner} alone is enough to guess the label ({area(facts)}). A clock, a logo or a bar may be there, which a "
        "model reads instead of looking for the hornet: mask it (--mask auto finds text, --mask X0,Y0,X1,Y1 anything)."
    )


def _pixels(what: str, advice: str) -> Sentence:
    return lambda facts: (
        f"{what} alone is enough to guess the label ({area(facts)}). A model can learn that instead of the hornet: "
        f"{advice}"
    )


def _text(facts: Facts) -> str:
    places = [
        f"{where(place['box'])} of {place['width']}x{place['height']}"
        f"{' of camera ' + place['camera'] if place['camera'] else ''}"
        f"{', another one in each picture' if place['changes'] else ''}"
        for place in facts["places"]
    ]
    more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    return (
        f"text is burnt into {facts['pictures']} pictures of {facts['of']} ({'; '.join(places[:_SHOWN])}{more}). A clock "
        f"or a camera's name can give the label away: mask it in training, with --mask auto or {flags(facts['masks'])}."
    )


def file_size(facts: Facts) -> str:
    """Say that the size of the file tells the label, and what that may mean."""
    kilobytes = {label: f"{size / 1000:.0f} kB" for label, size in facts["medians"].items()}
    return (
        f"the size of the file is enough to guess the label ({area(facts)}; half of the presences have more than "
        f"{kilobytes['present']}, half of the absences more than {kilobytes['absent']}). If both classes come from the "
        "same cameras and were saved in the same way, the insects may take these bytes; if not, see that they do."
    )


def _seer(facts: Facts) -> str:
    """Name the model, and what it sees."""
    if facts.get("features") == "imagenet":
        return f"logistic regression on untuned ImageNet features ({facts['network']})"
    return "a simple model (on a tiny grey copy and the colours)"


def imagenet(facts: Facts) -> str:
    """Say how well untuned ImageNet features do, pictures split in several ways."""
    areas = ", ".join(f"{area:.2f} {_WAYS[way]}" for way, area in facts["areas"].items())
    verdict = "see leakage" if "gap" in facts else "no gap that couldn't be chance"
    return (
        f"imagenet: {facts['n']} pictures, logistic regression on untuned ImageNet features ({facts['network']}): AUC by "
        f"the way of splitting: {areas}; {verdict}."
    )


def gap(facts: Facts) -> str:
    """Say what splitting carelessly would feign, and how to split."""
    areas, start, end = facts["areas"], facts["from"], facts["to"]
    as_now = " As your groups are whole days, keep them." if facts["group_is_day"] else ""
    if facts["proposed"] == "group":
        advice = "Keep pictures of a group together, as hornet train does, and never split at random."
    elif facts["proposed"] == "day":
        advice = f"Keep whole days together (--group-by day, or the day in the column group).{as_now}"
    else:
        advice = f"Keep what belongs together {_WAYS[facts['proposed']]} in one group (column group of the manifest)."
    return (
        f"{_seer(facts)} seems to have an AUC of {areas[start]:.2f} if pictures are split {_WAYS[start]}, but has "
        f"{areas[end]:.2f} if they are split {_WAYS['day' if end == 'group' and facts['group_is_day'] else end]} (a gap of {facts['gap']:.2f}, 95 % interval {facts['low']:.2f} "
        f"to {facts['high']:.2f}). The difference is no knowledge of hornets: pictures taken together look alike. {advice}"
    )


FINDINGS: Final[dict[str, Sentence]] = {
    "metadata": _metadata,
    "colour": _pixels(
        "the colour of the light and of the ground",
        "collect both classes in the same light and places.",
    ),
    "border": _pixels(
        "the border of a picture",
        "cut frames and bars away, mask them with --mask, or collect both classes there.",
    ),
    "corner": _corner,
    "blur": _pixels(
        "how sharp a picture is", "collect both classes with the same cameras, and at the same distance."
    ),
    "burnt-in-text": _text,
}

#: What each probe looks at, for when it found nothing.
_LOOKED: Final = {
    "metadata": "date, hour, camera, name and format of the file",
    "colour": "the colour of light and ground",
    "border": "the border of the picture",
    "corner": "the corners of the picture",
    "blur": "the sharpness of the picture",
}

PASSED: Final[dict[str, Sentence]] = {
    name: lambda facts, what=what: f"{what}: not enough to guess the label ({area(facts)})."  # type: ignore[misc]
    for name, what in _LOOKED.items()
}
