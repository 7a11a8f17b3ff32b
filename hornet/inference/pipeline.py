"""Sources in, one answer each out, in the same order and with a bounded number in memory."""

from __future__ import annotations

import functools
import os
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from hornet.classifier import Failure, Item, Prediction
from hornet.errors import ImageError
from hornet.images import read_file
from hornet.inference.frames import split_name

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
    runs: int | None = None,
    heatmaps: HeatmapWriter | None = None,
    captures: bool = False,
) -> Iterator[Prediction | Failure]:
    """Predict what a scan finds.

    Args:
        classifier: The model.
        sources: Read a few batches ahead of the answers.
        threshold: Replaces the contract's low and high.
        batch_size: Pictures a run of the network.
        workers: Threads that read, fetch and decode; None: as many as CPUs.
        runs: Batches that are run at the same time; None: as many as the CPUs have room for.
        heatmaps: Where to draw heatmaps; None: nowhere.
        captures: Whether answers say when and with what a picture was taken.

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
            if captures:
                item = Item(source.name, _Noticing(source, item.picture))
            if heatmaps is not None or captures:
                waiting.append((source, item))
            yield item

    answers = classifier.predict_many(
        items(),
        threshold=threshold,
        batch_size=batch_size,
        workers=workers,
        runs=runs,
        with_maps=heatmaps is not None,
    )
    for answer in answers:
        if heatmaps is None and not captures:
            yield answer
            continue
        source, item = waiting.popleft()
        if heatmaps is not None and isinstance(answer, Prediction):
            answer = _draw(source, item, answer, heatmaps)  # noqa: PLW2901 - the same answer, or why it has no heatmap
        yield replace(answer, capture=item.picture.capture) if isinstance(item.picture, _Noticing) else answer


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


class _Noticing:
    """Reads a picture, and notices when and with what it was taken.

    Args:
        source: The picture.
        picture: What it is read from: a path, or a function.

    Attributes:
        capture: What its name says until it is read; then what EXIF says, too.
    """

    def __init__(self, source: Source, picture: Any) -> None:
        self._read = picture if callable(picture) else functools.partial(read_file, picture)
        self._name = source.name.replace(os.sep, "/")
        from hornet.captures import (
            capture_of,
            capture_of_frame,
        )  # few ask for it, and its patterns take a while

        self._look = capture_of
        frame = split_name(self._name)
        self._frame = frame is not None
        self.capture = capture_of(self._name, None) if frame is None else capture_of_frame(*frame)

    def __call__(self) -> bytes:
        data: bytes = self._read()
        if not self._frame:
            self.capture = self._look(self._name, data)
        return data


def _raise(error: ImageError) -> NoReturn:
    raise error


class _Fetching:
    """Makes functions that fetch, and what fetches only when there is something to fetch.

    Args:
        keep: Whether each function remembers its answer, because it will be asked again.
    """

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._web: Callable[[str], bytes] | None = None
        self._store: Callable[[str], bytes] | None = None

    def later(self, address: str) -> Callable[[], bytes]:
        fetch = functools.partial(self._fetcher(address), address)
        return functools.cache(fetch) if self._keep else fetch

    # What fetches takes longer to import than a picture to predict.

    def _fetcher(self, address: str) -> Callable[[str], bytes]:
        if address[:5].lower() == "s3://":
            if self._store is None:
                from hornet.inference.s3 import Store

                self._store = Store().fetch
            return self._store
        if self._web is None:
            from hornet.inference.fetch import Fetcher

            self._web = Fetcher().fetch
        return self._web
