"""The work of ``hornet watch``: put together from its parts, run, and summed up."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hornet.cli.common import say
from hornet.errors import ConfigError

if TYPE_CHECKING:
    from collections import Counter
    from fractions import Fraction

    from hornet.inference.watch.confirmation import Rule
    from hornet.inference.watch.courier import Courier
    from hornet.inference.watch.watcher import Existing, Stop

_VERSION_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Job:
    """What ``hornet watch`` is asked for; the fields are its flags, times in s."""

    folder: str
    rule: Rule
    alarms: str | None
    pictures: str | None
    webhook: str | None
    token: str | None
    webhook_as: Literal["multipart", "json"]
    output: str | None
    existing: Existing
    settle: float
    poll: float | None
    every: Fraction
    threshold: float | None
    model: str | None
    state: str | None


def run(job: Job, stop: Stop) -> None:
    """Watch until told to stop.

    Raises:
        ConfigError: If the folder, the state or the webhook's address can't be used.
        MissingExtra: If watchfiles isn't installed and wasn't refused with ``--poll``.
    """
    from hornet.checksums import sha256_file
    from hornet.classifier import Classifier
    from hornet.inference.videos import available
    from hornet.inference.watch.arrivals import Arrivals
    from hornet.inference.watch.deciding import Decider, Told
    from hornet.inference.watch.finding import Finder
    from hornet.inference.watch.judging import Judge
    from hornet.inference.watch.store import Store
    from hornet.inference.watch.watcher import PATIENCE_S, Watcher
    from hornet.registry import resolve_model

    if not os.path.isdir(job.folder):  # noqa: PTH112 - as typed
        raise ConfigError(f"{job.folder} is no folder that can be watched; name one that is there")
    path = resolve_model(job.model)
    store = Store(job.state or _default_state(job.folder))
    try:
        courier = _courier(job, store.folder)
        arrivals = Arrivals(job.settle, PATIENCE_S)
        finder = Finder(
            job.folder, store, arrivals, videos=available(), poll=job.poll, wake=stop.wake.set, tell=say
        )
        judge = Judge(
            Classifier.open(path), threshold=job.threshold, every=job.every, stopping=lambda: stop.stopping
        )
        told = Told(job.output, job.alarms, job.pictures, _show, say)
        version = sha256_file(path)[:_VERSION_DIGITS]
        watcher = Watcher(
            job.folder,
            store=store,
            arrivals=arrivals,
            finder=finder,
            judge=judge,
            decider=Decider(
                job.rule, version, store=store, judge=judge, told=told, sends=courier is not None
            ),
            courier=courier,
            told=told,
            stop=stop,
        )
        _check_writable(job.output, job.alarms)
        if job.pictures is not None:
            _check_pictures(job.pictures, job.folder)
        found = watcher.begin(job.existing)
        say(_beginning(job, found))
        watcher.run()
        say(_summary(watcher.counts, len(arrivals)))
    finally:
        store.close()


def _courier(job: Job, folder: str) -> Courier | None:
    if job.webhook is None:
        return None
    from hornet.inference.watch.courier import Courier
    from hornet.inference.watch.webhook import Webhook

    return Courier(folder, Webhook(job.webhook, form=job.webhook_as, token=job.token), say)


def _default_state(folder: str) -> str:
    from platformdirs import user_state_path

    name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:_VERSION_DIGITS]
    return str(user_state_path("hornet", appauthor=False) / "watch" / name)


def _check_writable(*paths: str | None) -> None:
    for path in paths:
        if path is None:
            continue
        try:
            with open(path, "ab"):  # noqa: PTH123 - as typed
                pass
        except OSError as error:
            raise ConfigError(
                f"can't write {path}: {error.strerror or error}; name a file in a folder that exists and is writable"
            ) from None


def _check_pictures(folder: str, watched: str) -> None:
    """Make the folder of alarms' pictures; below the watched one it must be known not to hold pictures to look at."""
    from hornet.inference.folders import HEATMAP_MARK

    mark = Path(folder, HEATMAP_MARK)
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        if not any(Path(folder).iterdir()):
            mark.write_text("hornet wrote the pictures of alarms in this folder\n", encoding="utf-8")
        inside = Path(folder).resolve().is_relative_to(Path(watched).resolve())
    except OSError as error:
        raise ConfigError(
            f"can't use {folder} for alarms' pictures: {error.strerror or error}; name another folder"
        ) from None
    if inside and not mark.exists():
        raise ConfigError(
            f"{folder} holds other files and is watched itself; name a new folder for alarms' pictures"
        )


def _show(document: dict[str, Any]) -> None:
    from hornet.inference.watch.alarms import alarm_sentence

    try:
        sys.stdout.write(alarm_sentence(document) + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        # Nobody reads any more; files and webhook still get every alarm.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def _beginning(job: Job, found: int | None) -> str:
    from hornet.inference.sinks import printable
    from hornet.inference.videos import available

    before = "" if available() else " for pictures alone (clips need the extra video)"
    if found is None:
        before += "; going on from the last time"
    elif found:
        done = "left alone" if job.existing == "skip" else "predicted without alarms"
        before += f"; {found:,} file{'s' * (found > 1)} there already: {done}"
    return f"watching {printable(job.folder)}{before}"


def _summary(counts: Counter[str], waiting: int) -> str:
    parts = [f"{counts[name]:,} {name}" for name in ("present", "absent", "unsure", "failed") if counts[name]]
    parts.append(f"{counts['alarms']:,} alarm{'s' * (counts['alarms'] != 1)}")
    if counts["went"]:
        parts.append(f"{counts['went']:,} gone before they were read")
    if waiting:
        parts.append(f"{waiting:,} not read yet, left for the next start")
    return "stopped: " + ", ".join(parts)
