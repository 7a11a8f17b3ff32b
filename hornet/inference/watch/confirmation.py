"""When verdicts become an alarm: enough of a camera's last pictures, and not again for a while. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hornet.decision import PRESENT, Verdict
from hornet.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Rule:
    """What makes an alarm.

    Attributes:
        present: So many of the last pictures must be ``present``.
        of: How many of the last pictures count.
        within: Pictures that were taken further apart than this, s, don't confirm each other.
        quiet: Time after an alarm, s, in which the same camera raises no other.

    Raises:
        ConfigError: If it can never be met, or makes no sense.
    """

    present: int = 2
    of: int = 3
    within: float = 600.0
    quiet: float = 600.0

    def __post_init__(self) -> None:
        if not 1 <= self.present <= self.of:
            raise ConfigError(
                f"{self.present}/{self.of} can't be confirmed; write K/N with 1 <= K <= N, such as 2/3"
            )
        if self.within < 0 or self.quiet < 0:
            raise ConfigError("times can't be negative")


@dataclass(frozen=True, slots=True)
class Sighting:
    """A verdict on one picture of a camera.

    Attributes:
        path: As in its row.
        taken: When its file was last changed, s since the epoch.
        label: The verdict.
        probability: Of presence.
    """

    path: str
    taken: float
    label: Verdict
    probability: float


@dataclass(frozen=True, slots=True)
class Camera:
    """What is remembered of a camera.

    Attributes:
        recent: Its last pictures that no alarm was raised for yet, oldest first.
        alarmed: When its last alarm was raised, s since the epoch; None: never.
        held: Confirmed pictures since then that raised none, because of the quiet time.
    """

    recent: tuple[Sighting, ...] = ()
    alarmed: float | None = None
    held: int = 0


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An alarm.

    Attributes:
        pictures: What confirms it, oldest first; the last one is what raised it.
        of: How many pictures were looked at for that.
        held: Confirmed pictures since the alarm before, which raised none.
    """

    pictures: tuple[Sighting, ...]
    of: int
    held: int


def observe(rule: Rule, camera: Camera, sighting: Sighting, now: float) -> tuple[Camera, Confirmed | None]:
    """Take in a camera's next picture.

    An alarm is raised by a picture that is present, if enough of the last ones are; ``unsure`` counts as not
    present. Each picture confirms at most one alarm.

    Args:
        rule: What makes an alarm.
        camera: What is remembered.
        sighting: The picture.
        now: Clock of the machine, s since the epoch; may jump.

    Returns:
        What is to be remembered, and the alarm, if there is one.
    """
    near = [other for other in camera.recent if abs(sighting.taken - other.taken) <= rule.within]
    recent = (*near, sighting)[-rule.of :]
    present = tuple(one for one in recent if one.label == PRESENT)
    if sighting.label != PRESENT or len(present) < rule.present:
        return Camera(recent, camera.alarmed, camera.held), None
    if _is_quiet(rule, camera, now):
        return Camera(recent, camera.alarmed, camera.held + 1), None
    return Camera((), now, 0), Confirmed(present, len(recent), camera.held)


def _is_quiet(rule: Rule, camera: Camera, now: float) -> bool:
    # A clock that was set back must not silence a camera for years.
    return camera.alarmed is not None and 0 <= now - camera.alarmed < rule.quiet


def to_document(camera: Camera) -> dict[str, Any]:
    """Return a camera as JSON's own types."""
    recent = [[one.path, one.taken, one.label, one.probability] for one in camera.recent]
    return {"recent": recent, "alarmed": camera.alarmed, "held": camera.held}


def from_document(document: dict[str, Any]) -> Camera:
    """Return what :func:`to_document` was given."""
    return Camera(
        tuple(Sighting(*values) for values in document["recent"]), document["alarmed"], document["held"]
    )
