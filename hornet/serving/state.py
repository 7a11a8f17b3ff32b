"""The parts of one server, made from its settings."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect

from hornet.dataset.collection import Collection
from hornet.serving.bodies import Held
from hornet.serving.champion import Champion
from hornet.serving.clients import Keys, RateLimit
from hornet.serving.engine import Engine
from hornet.serving.metrics import Metrics
from hornet.serving.problems import Problem
from hornet.serving.today import Today

if TYPE_CHECKING:
    from fastapi import Request

    from hornet.serving.engine import Job
    from hornet.serving.settings import ServeSettings


class State:
    """What requests share. One an app; nothing global.

    Args:
        settings: Checked already.

    Raises:
        ArtifactError: If there is no usable model.
        ConfigError: If the folder for collected pictures can't be used.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.champion = Champion(settings)
        self.metrics.show_model(self.champion.current)
        self.today = Today(self.champion, settings.drift_pictures)
        self.metrics.show_today(self.today)
        self.engine = Engine(
            workers=settings.workers,
            batch=settings.batch,
            queue=settings.queue,
            ran=self.metrics.batch.observe,
        )
        self.metrics.queue.set_function(lambda: self.engine.waiting)
        self.held = Held(settings.max_held_bytes)
        self.metrics.held.set_function(lambda: self.held.bytes)
        self.keys = Keys(settings.api_keys)
        self.rate = RateLimit(settings.rate_limit, time.monotonic)
        self.collection = (
            Collection(
                Path(settings.collect),
                most_pictures=settings.collect_pictures,
                most_bytes=settings.collect_bytes,
                days=settings.collect_days,
            )
            if settings.collect
            else None
        )
        self.ready = False

    async def answers(self, request: Request, jobs: list[Job]) -> list[Any]:
        """Run the pictures of a request.

        Args:
            request: Its body is read; watched for the client's leaving.
            jobs: At least one.

        Returns:
            Each job's answer, or Failure, in order.

        Raises:
            Problem: ``overloaded`` or ``timeout``.
            ClientDisconnect: If the client left; what isn't begun won't be.
            Exception: What a step failed with, if it isn't the picture's fault.
        """
        ticket = self.engine.submit(jobs, asyncio.get_running_loop())
        gone = asyncio.ensure_future(_gone(request))
        try:
            async with asyncio.timeout(self.settings.answer_seconds):
                await asyncio.wait({ticket.done, gone}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise Problem(
                "timeout",
                "no answer in time; send fewer pictures, or come back later",
                headers={"Retry-After": "2"},
            ) from None
        finally:
            gone.cancel()
            if not ticket.done.done():
                ticket.give_up()
        if not ticket.done.done():
            raise ClientDisconnect
        for job in jobs:
            if isinstance(job.answer, Exception):
                raise job.answer
        return [job.answer for job in jobs]


async def _gone(request: Request) -> None:
    """Return when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def state_of(request: Request) -> State:
    """Return the parts of the server that answers a request."""
    state: State = request.app.state.hornet
    return state
