"""What is said of a picture and of an alarm: rows, documents, sentences."""

from __future__ import annotations

import datetime as dt
import json
import os
import uuid
from typing import TYPE_CHECKING, Any, Final

from hornet import __version__
from hornet.inference.columns import FRAME_COLUMNS
from hornet.inference.frames import split_name
from hornet.inference.sinks import digits, encode, json_object, printable

if TYPE_CHECKING:
    from hornet.inference.columns import Answer
    from hornet.inference.records import Seen
    from hornet.inference.watch.confirmation import Confirmed

# Any fixed one: alarms about the same file in the same state have the same number, on every machine.
_NAMESPACE: Final = uuid.UUID("6f1cf1b7-9b6c-5c52-8a3e-0d0c9b6fb1a4")


def camera_of(relative: str) -> str:
    """Return which camera a file is of: the first folder below the watched one; empty: none."""
    head, _, rest = relative.replace(os.sep, "/").partition("/")
    return head if rest else ""


def row_line(answer: Answer, camera: str, now: float) -> bytes:
    """Return a row as a line of JSON: the columns of predict, then camera and time."""
    further = f', "camera": {json.dumps(camera, ensure_ascii=False)}, "judged_at": "{shown_time(now)}"}}\n'
    return encode(json_object(answer, FRAME_COLUMNS).removesuffix("}") + further)


def alarm_id(relative: str, name: str, seen: Seen) -> str:
    """Return an alarm's number: the same for the same file in the same state."""
    time = split_name(name)
    return str(uuid.uuid5(_NAMESPACE, json.dumps([relative, *seen, time and time[1]])))


def alarm_document(
    identifier: str, confirmed: Confirmed, camera: str, model: str, now: float
) -> dict[str, Any]:
    """Return an alarm as JSON's own types."""
    last = confirmed.pictures[-1]
    return {
        "id": identifier,
        "time": shown_time(now),
        "camera": camera,
        "path": last.path,
        "label": last.label,
        "probability": float(digits(last.probability)),
        "taken_at": shown_time(last.taken),
        "confirmed_by": [
            {"path": one.path, "probability": float(digits(one.probability))} for one in confirmed.pictures
        ],
        "of": confirmed.of,
        "held_back": confirmed.held,
        "model": model,
        "hornet": __version__,
    }


def line(document: dict[str, Any]) -> bytes:
    """Return an alarm as a line of JSON that every reader takes: ASCII with escapes."""
    return (json.dumps(document, allow_nan=False) + "\n").encode("ascii")


def alarm_sentence(document: dict[str, Any]) -> str:
    """Return an alarm as a line for a terminal."""
    place = f"{document['camera']}: " if document["camera"] else ""
    held = f"; {document['held_back']:,} more since the last alarm" if document["held_back"] else ""
    return printable(
        f"{document['time']} ALARM {place}hornet in {document['path']} ({document['probability']:.3f}), "
        f"{len(document['confirmed_by'])} of the last {document['of']} pictures{held}"
    )


def shown_time(seconds: float) -> str:
    """Return a time as UTC, ISO 8601, to the second; what lies outside the calendar as its ends."""
    first, last = -62_135_596_800, 253_402_300_799
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (epoch + dt.timedelta(seconds=min(max(int(seconds), first), last))).strftime("%Y-%m-%dT%H:%M:%SZ")
