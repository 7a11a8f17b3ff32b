"""Pictures of many requests through one network: a bounded queue, micro-batches, no waiting for more.

Worker threads take steps: decode a picture, run the network on what is decoded, draw a heatmap. A batch is
what happens to be ready when a worker is free, so that nobody waits for company, and under load batches
grow by themselves. Nothing here runs in the event loop but the last call of a ticket.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.classifier import Failure
from hornet.cpus import available_cpus
from hornet.errors import ImageError
from hornet.serving.problems import Problem

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hornet.serving.champion import Model

LOG = logging.getLogger("hornet.serving")
_LONGEST_RETRY: Final = 30  # seconds


@dataclass(frozen=True, slots=True)
class Row:
    """The network's outputs for one picture; see the design of the artifact.

    Attributes:
        probability: Calibrated probability of presence.
        logits: (2,) float32.
        heatmap: (h, w) float32.
        embedding: (512,) float32.
        novelty: How unlike anything seen, as a multiple of the limit; None if the model can't tell.
    """

    probability: float
    logits: NDArray[np.float32]
    heatmap: NDArray[np.float32]
    embedding: NDArray[np.float32]
    novelty: float | None


@dataclass(slots=True, eq=False)
class Job:
    """One picture on its way.

    Attributes:
        model: Decides pixels and answer, from the first step to the last.
        prepare: Returns the network's input, (H, W, 3) uint8; may raise ImageError.
        finish: Turns the outputs into the answer.
        draws: Whether finishing takes long, and is a step of its own.
        answer: What ``finish`` returned, or why there is nothing; None until then.
        array: The network's input, once it is there.
    """

    model: Model
    prepare: Callable[[], NDArray[np.uint8]]
    finish: Callable[[Row], Any]
    draws: bool = False
    answer: Any = None
    array: NDArray[np.uint8] | None = None
    row: Row | None = None
    ticket: Ticket | None = None


@dataclass(slots=True, eq=False)
class Ticket:
    """The pictures of one request; ``done`` is set when the last of them has its answer."""

    jobs: list[Job]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]
    left: int
    given_up: bool = field(default=False)

    def give_up(self) -> None:
        """Nobody waits any more: what isn't begun won't be."""
        self.given_up = True


class Engine:
    """Runs jobs in worker threads.

    Args:
        workers: Threads; 0: as many as CPUs.
        batch: Most pictures in one run of the network.
        queue: Most pictures accepted and not answered yet.
        ran: Called with the size of each batch, in a worker thread.
    """

    def __init__(self, *, workers: int, batch: int, queue: int, ran: Callable[[int], None]) -> None:
        self._batch = batch
        self._queue = queue
        self._ran = ran
        self._workers = workers or available_cpus()
        self._work = threading.Condition()
        self._fresh: deque[Job] = deque()  # to decode
        self._ready: deque[Job] = deque()  # to run
        self._drawn: deque[Job] = deque()  # to finish
        self._waiting = 0
        self._closed = False
        self._seconds_each = 0.05
        self._threads = [
            threading.Thread(target=self._run, name=f"hornet-worker-{number}", daemon=True)
            for number in range(self._workers)
        ]

    def start(self) -> None:
        """Start the workers."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop the workers; call it when no ticket is waited for."""
        with self._work:
            self._closed = True
            self._work.notify_all()
        for thread in self._threads:
            thread.join()

    @property
    def waiting(self) -> int:
        """How many pictures are accepted and not answered yet."""
        return self._waiting

    def check_room(self, pictures: int = 1) -> None:
        """Raise an ``overloaded`` Problem if so many more pictures don't fit into the queue."""
        if self._waiting + pictures > self._queue:
            seconds = self._waiting * self._seconds_each / self._workers
            raise Problem(
                "overloaded",
                f"{self._waiting} pictures are waiting already; come back later",
                headers={"Retry-After": str(min(_LONGEST_RETRY, max(1, round(seconds))))},
            )

    def submit(self, jobs: list[Job], loop: asyncio.AbstractEventLoop) -> Ticket:
        """Take in the pictures of one request, all or none.

        Args:
            jobs: At least one.
            loop: Where the ticket is waited for; call this there.

        Raises:
            Problem: ``overloaded``, if they don't fit into the queue.
        """
        ticket = Ticket(jobs, loop, loop.create_future(), len(jobs))
        for job in jobs:
            job.ticket = ticket
        with self._work:
            self.check_room(len(jobs))
            self._waiting += len(jobs)
            self._fresh.extend(jobs)
            self._work.notify(len(jobs))
        return ticket

    def _run(self) -> None:
        while (step := self._next()) is not None:
            jobs, action = step
            wanted = [job for job in jobs if job.ticket is not None and not job.ticket.given_up]
            if len(wanted) < len(jobs):
                self._done([job for job in jobs if job not in wanted])
            if not wanted:
                continue
            try:
                action(wanted)
            except Exception as error:
                # A worker that died would leave a server that takes pictures and answers none.
                LOG.exception("a step failed")
                for job in wanted:
                    job.answer = error
                self._done(wanted)

    def _next(self) -> tuple[list[Job], Callable[[list[Job]], None]] | None:
        """Wait for the next step; None when closed."""
        with self._work:
            while not self._closed:
                if self._drawn:
                    return [self._drawn.popleft()], self._finish
                if self._ready and (len(self._ready) >= self._batch or not self._fresh):
                    return self._take_batch(), self._predict
                if self._fresh:
                    return [self._fresh.popleft()], self._prepare
                self._work.wait()
            return None

    def _take_batch(self) -> list[Job]:
        """Take the longest waiting pictures that one model answers."""
        model = self._ready[0].model
        taken: list[Job] = []
        while self._ready and len(taken) < self._batch and self._ready[0].model is model:
            taken.append(self._ready.popleft())
        return taken

    def _prepare(self, jobs: list[Job]) -> None:
        (job,) = jobs
        try:
            job.array = job.prepare()
        except ImageError as error:
            job.answer = Failure("", error.code, str(error))
            self._done(jobs)
            return
        with self._work:
            self._ready.append(job)
            self._work.notify()

    def _predict(self, jobs: list[Job]) -> None:
        arrays = [job.array for job in jobs if job.array is not None]
        began = time.monotonic()
        classifier = jobs[0].model.classifier
        outputs = classifier.run(np.stack(arrays))
        novelty = classifier.novelty(outputs.embedding)
        self._ran(len(jobs))
        # Moving average over some tens of batches; only Retry-After depends on it.
        self._seconds_each += 0.1 * ((time.monotonic() - began) / len(jobs) - self._seconds_each)
        for at, job in enumerate(jobs):
            job.array = None
            job.row = Row(
                float(outputs.probability[at]),
                outputs.logits[at],
                outputs.heatmap[at],
                outputs.embedding[at],
                novelty[at],
            )
        drawn = [job for job in jobs if job.draws]
        if drawn:
            with self._work:
                self._drawn.extend(drawn)
                self._work.notify(len(drawn))
        self._finish([job for job in jobs if not job.draws])

    def _finish(self, jobs: list[Job]) -> None:
        for job in jobs:
            if job.row is not None:
                try:
                    job.answer = job.finish(job.row)
                except ImageError as error:
                    job.answer = Failure("", error.code, str(error))
                except Exception as error:
                    # Here, so that one picture's fault is no other's.
                    LOG.exception("a picture's answer couldn't be made")
                    job.answer = error
        self._done(jobs)

    def _done(self, jobs: list[Job]) -> None:
        complete: list[Ticket] = []
        with self._work:
            self._waiting -= len(jobs)
            for job in jobs:
                ticket = job.ticket
                if ticket is not None:
                    ticket.left -= 1
                    if ticket.left == 0:
                        complete.append(ticket)
        for ticket in complete:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                ticket.loop.call_soon_threadsafe(_set, ticket.done)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
