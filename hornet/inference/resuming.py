"""The pipeline with a journal: what an earlier session has answered isn't asked again."""

from __future__ import annotations

from array import array
from collections import deque
from typing import TYPE_CHECKING, cast

from hornet.classifier import Prediction
from hornet.inference.pipeline import predict_sources
from hornet.inference.records import Row, look_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hornet.classifier import Classifier
    from hornet.inference.columns import Answer
    from hornet.inference.heatmap_files import HeatmapWriter
    from hornet.inference.journal import Journal
    from hornet.inference.records import Seen
    from hornet.inference.sources import Source


def predict_resumably(
    classifier: Classifier,
    sources: Iterable[Source],
    journal: Journal,
    *,
    threshold: float | None = None,
    batch_size: int = 8,
    workers: int | None = None,
    heatmaps: HeatmapWriter | None = None,
    captures: bool = False,
) -> Iterator[Answer]:
    """Predict what a scan finds, and keep every batch as soon as it is answered.

    Only whole batches are kept, so a later session cuts the rest at the same places: rows are, to the
    byte, those of a run that nobody stopped. A picture that changed since is predicted anew, one that came
    since is predicted, one that went since has no row; what was kept of the others stays.

    Args:
        classifier: The model; the journal's settings must name it.
        sources: Not read if the journal is complete.
        journal: What was done so far.
        threshold: Replaces the contract's low and high.
        batch_size: Pictures a run of the network; the journal's settings must name it, too.
        workers: Threads that read, fetch and decode; None: as many as CPUs.
        heatmaps: Where to draw heatmaps; None: nowhere.
        captures: Whether answers say when and with what a picture was taken; the journal's settings must say so, too.

    Yields:
        A prediction, or why there is none, in the order of the sources.

    Raises:
        ConfigError: If an argument makes no sense.
        HornetError: If the journal or a heatmap can't be written.
    """
    if journal.order is not None:
        for place in journal.order:
            yield journal.row(place).answer
        return
    if heatmaps is not None:
        _take_places(journal, heatmaps)
    merge = _Merge(journal, batch_size)
    answers = predict_sources(
        classifier,
        merge.unknown(sources),
        threshold=threshold,
        batch_size=batch_size,
        workers=workers,
        heatmaps=heatmaps,
        captures=captures,
    )
    for answer in answers:
        yield from merge.known()
        merge.keep(answer)
        yield answer
    yield from merge.known()
    merge.finish()


class _Merge:
    """Tells known pictures from unknown ones, and puts their answers into the order of the sources."""

    def __init__(self, journal: Journal, batch_size: int) -> None:
        self._journal = journal
        self._batch_size = batch_size
        # Places in the journal of what is known, sources of what isn't, from the picture whose answer is
        # next to the one that was read last.
        self._waiting: deque[int | tuple[Source, Seen | None]] = deque()
        self._order = array("Q")
        self._batch: list[Row] = []

    def unknown(self, sources: Iterable[Source]) -> Iterator[Source]:
        """Yield what must be predicted."""
        for place, source in enumerate(sources):
            # Before it is read: if it changes meanwhile, a later session sees that.
            seen = look_at(source)
            known = self._journal.find(place, source, seen)
            if known is None:
                self._waiting.append((source, seen))
                yield source
            else:
                self._waiting.append(known)

    def known(self) -> Iterator[Answer]:
        """Yield the answers that stand before the next unknown picture's."""
        while self._waiting and isinstance(place := self._waiting[0], int):
            self._waiting.popleft()
            self._order.append(place)
            yield self._journal.row(place).answer

    def keep(self, answer: Answer) -> None:
        """Take the next unknown picture's answer; a whole batch goes into the journal."""
        source, seen = cast("tuple[Source, Seen | None]", self._waiting.popleft())
        self._order.append(len(self._journal) + len(self._batch))
        self._batch.append(Row(source, seen, answer))
        if len(self._batch) == self._batch_size:
            self._flush()

    def finish(self) -> None:
        """Keep the last batch, and that it was the last."""
        if self._batch:
            self._flush()
        self._journal.complete(self._order)

    def _flush(self) -> None:
        self._journal.append(self._batch)
        self._batch = []


def _take_places(journal: Journal, heatmaps: HeatmapWriter) -> None:
    """Give the files of earlier sessions' heatmaps the names that they have."""
    for place in range(len(journal)):
        row = journal.row(place)
        if isinstance(row.answer, Prediction):
            heatmaps.take(row.source)
