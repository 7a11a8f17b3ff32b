"""Sources in, one answer each out, in the same order and with a bounded number in memory."""

from __future__ import annotations

import functools
from collections import deque
from typing import TYPE_CHECKING, NoReturn

from hornet.classifier import Failure, Item, Prediction
from hornet.errors import ImageError
from hornet.images import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hornet.classifier import Classifier
    from hornet.inference.heatmap_files import HeatmapWriter
    from hornet.inference.sources import Source


def predict_sources(
    classifier: Classifier,
    sources: Iterable[Source],
    *,
    threshold: float | None = None,
    batch_size: int = 8,
    workers: int | None = None,
    heatmaps: HeatmapWriter | None = None,
) -> Iterator[Prediction | Failure]:
    """Predict what a scan finds.

    Args:
        classifier: The model.
        sources: Read a few batches ahead of the answers.
        threshold: Replaces the contract's low and high.
        batch_size: Pictures a run of the network.
        workers: Threads that read, fetch and decode; None: as many as CPUs.
        heatmaps: Where to draw heatmaps; None: nowhere.

    Yields:
        A prediction, or why there is none.

    Raises:
        ConfigError: If an argument makes no sense.
        HornetError: If a heatmap can't be written.
    """
    fetcher = _Fetching(keep=heatmaps is not None)
    waiting: deque[tuple[Source, Item]] = deque()

    def items() -> Iterator[Item]:
        for source in sources:
            item = Item(source.name, _picture(source, fetcher))
            if heatmaps is not None:
                waiting.append((source, item))
            yield item

    answers = classifier.predict_many(
        items(), threshold=threshold, batch_size=batch_size, workers=workers, with_maps=heatmaps is not None
    )
    for answer in answers:
        if heatmaps is None:
            yield answer
            continue
        source, item = waiting.popleft()
        yield _draw(source, item, answer, heatmaps) if isinstance(answer, Prediction) else answer


def _draw(
    source: Source, item: Item, prediction: Prediction, heatmaps: HeatmapWriter
) -> Prediction | Failure:
    try:
        data = item.picture() if callable(item.picture) else read_file(source.name)
        heatmaps.write(source, data, prediction)
    except ImageError as error:  # gone or changed since it was predicted
        return Failure(source.name, error.code, f"{error} (while its heatmap was drawn)")
    return prediction


def _picture(source: Source, fetching: _Fetching) -> str | Callable[[], bytes]:
    if source.error is not None:
        return functools.partial(_raise, source.error)
    if source.load is not None:
        return source.load
    return fetching.later(source.name) if source.remote else source.name


def _raise(error: ImageError) -> NoReturn:
    raise error


class _Fetching:
    """Makes functions that fetch, and what fetches only when there is something to fetch.

    Args:
        keep: Whether each function remembers its answer, because it will be asked again.
    """

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._fetch: Callable[[str], bytes] | None = None

    def later(self, address: str) -> Callable[[], bytes]:
        if self._fetch is None:
            from hornet.inference.fetch import Fetcher  # urllib and ssl take longer to import than a picture

            self._fetch = Fetcher().fetch
        fetch = functools.partial(self._fetch, address)
        return functools.cache(fetch) if self._keep else fetch
