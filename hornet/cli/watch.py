"""``hornet watch``: new pictures of a folder as they arrive, and alarms."""

from __future__ import annotations

import math
import os
import re
import signal
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hornet.cli.common import ModelOption, parse_duration, parse_every

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hornet.inference.watch.confirmation import Rule
    from hornet.inference.watch.watcher import Stop


class Existing(StrEnum):
    """What happens to files that were there before the first watch."""

    skip = "skip"
    predict = "predict"
    alarm = "alarm"


class Form(StrEnum):
    """How an alarm is sent."""

    multipart = "multipart"
    json = "json"


def watch(  # noqa: PLR0917 - typer makes flags of them
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", show_default=False, help="Watched with all below it.")
    ],
    confirm: Annotated[
        str,
        typer.Option(
            metavar="K/N",
            help="Alarm if K of a camera's last N pictures are present; a camera is a folder in FOLDER.",
        ),
    ] = "2/3",
    within: Annotated[
        str, typer.Option(metavar="TIME", help="Pictures further apart than this don't confirm each other.")
    ] = "10m",
    quiet: Annotated[
        str, typer.Option(metavar="TIME", help="After an alarm, no other of the same camera for so long.")
    ] = "10m",
    alarms: Annotated[
        str | None, typer.Option(metavar="FILE", help="Append each alarm as a line of JSON.")
    ] = None,
    alarm_pictures: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Write each alarm's picture and heatmap into this folder."),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Send each alarm here, until it is taken; else HORNET_WEBHOOK, which no list of processes shows. "
            "HORNET_WEBHOOK_TOKEN is sent as a bearer token.",
        ),
    ] = None,
    webhook_as: Annotated[
        Form, typer.Option(help="multipart: alarm, picture and heatmap; json: the alarm alone.")
    ] = Form.multipart,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Append each verdict as a line of JSON."),
    ] = None,
    existing: Annotated[
        Existing,
        typer.Option(
            help="At the first watch, files that are there already: left alone, predicted without alarms, or taken for "
            "new. What arrives between two watches is new."
        ),
    ] = Existing.skip,
    settle: Annotated[
        str, typer.Option(metavar="TIME", help="A file that stays the same for so long is taken for whole.")
    ] = "2s",
    poll: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="For network drives: look this often, instead of waiting for notices."
        ),
    ] = None,
    every: Annotated[str, typer.Option(metavar="TIME", help="Of videos, look at a frame this often.")] = "1s",
    threshold: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="present from this probability on; replaces the model's own."),
    ] = None,
    model: ModelOption = None,
    state: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="What is known of FOLDER, on a local disk; else in the user's state folder."
        ),
    ] = None,
) -> None:
    """Look at new pictures as they arrive, and raise an alarm when hornets are confirmed.

    Alarms are printed on stdout; everything else that is said goes to stderr. SIGTERM or Ctrl-C finishes what is
    begun and ends with exit code 0; the same command goes on from there.
    """
    if threshold is not None and math.isnan(threshold):
        raise typer.BadParameter("nan is no number from 0 to 1", param_hint="--threshold")
    from hornet.cli.watching import Job, run
    from hornet.inference.watch.watcher import Stop

    job = Job(
        folder=folder,
        rule=_rule(confirm, within, quiet),
        alarms=alarms,
        pictures=alarm_pictures,
        webhook=webhook or os.environ.get("HORNET_WEBHOOK") or None,
        token=os.environ.get("HORNET_WEBHOOK_TOKEN") or None,
        webhook_as=webhook_as.value,
        output=output,
        existing=existing.value,
        settle=float(parse_duration(settle, "--settle")),
        poll=None if poll is None else _poll(poll),
        every=parse_every(every),
        threshold=threshold,
        model=model,
        state=state,
    )
    stop = Stop()
    with _draining(stop):
        run(job, stop)


def _rule(confirm: str, within: str, quiet: str) -> Rule:
    from hornet.errors import ConfigError
    from hornet.inference.watch.confirmation import Rule

    match = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", confirm.strip())
    if match is None:
        raise typer.BadParameter(f"{confirm!r}: write K/N, such as 2/3", param_hint="--confirm")
    try:
        return Rule(
            int(match[1]),
            int(match[2]),
            float(parse_duration(within, "--within")),
            float(parse_duration(quiet, "--quiet")),
        )
    except ConfigError as error:
        raise typer.BadParameter(str(error), param_hint="--confirm") from None


def _poll(text: str) -> float:
    poll = float(parse_duration(text, "--poll"))
    if poll < 0.1:  # noqa: PLR2004 - s
        raise typer.BadParameter("at least 100ms", param_hint="--poll")
    return poll


@contextmanager
def _draining(stop: Stop) -> Iterator[None]:
    """Turn the first signal into an orderly end; the second one is what it always was."""
    previous: dict[int, Any] = {}

    def end(number: int, _: object) -> None:
        stop.stopping = True
        signal.signal(number, previous[number])

    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            previous[number] = signal.getsignal(number)
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
