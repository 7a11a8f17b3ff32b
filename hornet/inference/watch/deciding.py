"""What answers lead to: rows, what is remembered of cameras, alarms; all of it kept in one transaction."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hornet.classifier import Prediction
from hornet.errors import HornetError
from hornet.inference.output import whole_file
from hornet.inference.watch import alarms
from hornet.inference.watch.confirmation import Sighting, observe
from hornet.inference.watch.outbox import Delivery
from hornet.inference.watch.store import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hornet.inference.records import Seen
    from hornet.inference.watch.confirmation import Camera, Confirmed, Rule
    from hornet.inference.watch.judging import Judge, Judged
    from hornet.inference.watch.store import Store, Target


@dataclass(frozen=True, slots=True)
class Told:
    """Where what is decided is told.

    Attributes:
        output: File for rows; None: nowhere.
        alarms: File for alarms; None: nowhere.
        pictures: Folder for alarms' pictures and heatmaps; None: nowhere.
        show: Called with each alarm.
        tell: Called with sentences for people.
    """

    output: str | None
    alarms: str | None
    pictures: str | None
    show: Callable[[dict[str, Any]], None]
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Done:
    """A file with all of its answers."""

    relative: str
    seen: Seen
    judged: Sequence[Judged]


@dataclass(slots=True)
class _Draft:
    """What is going to be true."""

    cameras: dict[str, Camera] = field(default_factory=dict)
    lines: list[tuple[Target, bytes]] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)


class Decider:
    """Turns answers into what is kept and told.

    Args:
        rule: What makes an alarm.
        model: What alarms say of the model.
        store: Where it is kept.
        judge: Draws alarms.
        told: Where it is told.
        sends: Whether alarms are sent to a webhook.
    """

    def __init__(
        self, rule: Rule, model: str, *, store: Store, judge: Judge, told: Told, sends: bool
    ) -> None:
        self._rule = rule
        self._model = model
        self._store = store
        self._judge = judge
        self._told = told
        self._sends = sends
        self._cameras: dict[str, Camera] = {}

    def keep(self, done: Sequence[Done]) -> int:
        """Decide, and keep all of it or nothing; then show the alarms.

        Returns:
            How many alarms were raised.

        Raises:
            sqlite3.Error: If it can't be kept.
        """
        if not done:
            return 0
        now = time.time()
        draft = _Draft()
        for one in done:
            # There before the first watch, and to be predicted without alarms.
            silent = self._store.known(one.relative) == (one.seen, "existing")
            for judged in one.judged:
                self._decide(draft, one, judged, now, silent=silent)
        files = [(one.relative, one.seen) for one in done]
        self._store.record(Batch(files, draft.cameras, draft.lines, draft.deliveries))
        self._cameras.update(draft.cameras)
        for document in draft.documents:
            self._told.show(document)
        return len(draft.documents)

    def _decide(self, draft: _Draft, one: Done, judged: Judged, now: float, *, silent: bool) -> None:
        camera, answer = alarms.camera_of(one.relative), judged.answer
        if self._told.output is not None:
            draft.lines.append(("rows", alarms.row_line(answer, camera, now)))
        if silent or not isinstance(answer, Prediction):
            return
        state = draft.cameras.get(camera) or self._cameras.get(camera) or self._store.camera(camera)
        sighting = Sighting(answer.source, one.seen[1] / 1e9, answer.label, answer.probability)
        draft.cameras[camera], confirmed = observe(self._rule, state, sighting, now)
        if confirmed is not None:
            self._raise_alarm(draft, one, judged, confirmed, now)

    def _raise_alarm(
        self, draft: _Draft, one: Done, judged: Judged, confirmed: Confirmed, now: float
    ) -> None:
        identifier = alarms.alarm_id(one.relative, judged.source.name, one.seen)
        document = alarms.alarm_document(
            identifier, confirmed, alarms.camera_of(one.relative), self._model, now
        )
        images = self._judge.images(judged) if self._sends or self._told.pictures is not None else None
        if images is not None and self._told.pictures is not None:
            document |= self._written(self._told.pictures, identifier, images)
        draft.documents.append(document)
        if self._told.alarms is not None:
            draft.lines.append(("alarms", alarms.line(document)))
        if self._sends:
            picture, heatmap = images or (None, None)
            text = alarms.line(document).decode().rstrip()
            draft.deliveries.append(Delivery(identifier, text, picture, heatmap, created=now))

    def _written(self, folder: str, identifier: str, images: tuple[bytes, bytes]) -> dict[str, str]:
        """Write an alarm's pictures; return where they are. The same alarm's have the same names."""
        paths = {}
        try:
            os.makedirs(folder, exist_ok=True)
            for kind, data in zip(("picture", "heatmap"), images, strict=True):
                path = os.path.join(folder, f"{identifier}-{kind}.jpg")
                with whole_file(path) as file:
                    file.write(data)
                paths[kind] = path
        except (OSError, HornetError) as error:
            self._told.tell(f"can't keep an alarm's pictures: {error}")
        return paths
