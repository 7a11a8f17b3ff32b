"""Bounded stages: items are prepared in threads, a few batches ahead, and batches of them are run in others.

Where batches are cut depends on places in the input alone, never on timing. Stages know nothing of pictures.
"""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

_Item = TypeVar("_Item")
_Ready = TypeVar("_Ready")
_Answer = TypeVar("_Answer")


def run_staged(
    items: Iterable[_Item],
    prepare: Callable[[_Item], _Ready],
    run: Callable[[list[tuple[_Item, _Ready]]], list[_Answer]],
    *,
    batch_size: int,
    workers: int,
    runs: int,
) -> Iterator[list[_Answer]]:
    """Prepare items, run batches of them, and yield each batch's answers in the order of the input.

    At most ``2 * runs`` batches are begun and not taken: while ``runs`` of them are run, the next ones are
    prepared. A thread that waits for a batch's items uses no processor, so that preparing threads get all of
    them when preparing takes longer, and running ones when running does.

    Args:
        items: Read lazily, in the caller's thread.
        prepare: Called in one of ``workers`` threads, for one item.
        run: Called in one of ``runs`` threads, for one batch.
        batch_size: Items a batch; the last may have fewer.
        workers: Threads that prepare.
        runs: Batches that are run at the same time.

    Yields:
        What ``run`` returned, batch by batch.

    Raises:
        Exception: What ``prepare`` or ``run`` raised, at its batch's turn.
    """
    # Here: one picture alone needs no threads, and importing them takes time.
    from concurrent.futures import ThreadPoolExecutor

    iterator = iter(items)
    preparing = ThreadPoolExecutor(workers, thread_name_prefix="hornet-prepare")
    running = ThreadPoolExecutor(runs, thread_name_prefix="hornet-run")

    def run_when_ready(batch: list[tuple[_Item, Future[_Ready]]]) -> list[_Answer]:
        return run([(item, future.result()) for item, future in batch])

    pending: deque[Future[list[_Answer]]] = deque()
    try:
        while True:
            # An answer that is there isn't held back until slow items have come.
            while len(pending) < 2 * runs and not (pending and pending[0].done()):
                batch = [
                    (item, preparing.submit(prepare, item)) for item in itertools.islice(iterator, batch_size)
                ]
                if not batch:
                    break
                pending.append(running.submit(run_when_ready, batch))
            if not pending:
                return
            yield pending.popleft().result()
    finally:
        # Together: a batch that waits for items that won't be prepared must not be waited for.
        _shut(preparing, running)


def _shut(*pools: Any) -> None:
    for pool in pools:
        pool.shutdown(wait=False, cancel_futures=True)
    for pool in pools:
        pool.shutdown(wait=True)
