"""An artifact and pictures in, predictions out: the same code for one picture and for millions."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from hornet.artifact import INPUT, OUTPUTS, Artifact, Contract, open_artifact
from hornet.cpus import available_cpus
from hornet.decision import Verdict, decide
from hornet.decoders import from_pillow
from hornet.errors import ConfigError, ImageError
from hornet.images import Box, Limits, pixels, preprocess, read_file
from hornet.novelty import Novelty
from hornet.stages import run_staged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from hornet.captures import Capture

#: A path, encoded bytes, or a Pillow image.
Picture = str | os.PathLike[str] | bytes | Image.Image

# Larger ones are no faster, and take more memory: each run needs its own.
_BATCH: Final = 8


@dataclass(frozen=True, slots=True)
class Item:
    """One picture to predict.

    Attributes:
        source: What the answer calls it.
        picture: A path, encoded bytes, a Pillow image, or a function that returns encoded bytes
            (called in a worker thread; may raise ImageError).
        masks: Rectangles to fill in this picture, besides the contract's.
    """

    source: str
    picture: Picture | Callable[[], bytes]
    masks: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one picture.

    Attributes:
        source: The picture's name.
        label: ``present``, ``absent`` or ``unsure``.
        probability: Calibrated probability of presence.
        logits: Before temperature: absent, present.
        heatmap: (h, w) float32, how much each place speaks for presence; None if not asked for.
        embedding: (512,) float32 average-pooled features; None if not asked for.
        novelty: How unlike everything that the model was trained with the picture is, from 0 on; beyond 1 the label
            is ``unsure``. None if the model can't tell.
        capture: When and with what it was taken; None if nobody asked.
    """

    source: str
    label: Verdict
    probability: float
    logits: tuple[float, float]
    heatmap: NDArray[np.float32] | None = None
    embedding: NDArray[np.float32] | None = None
    novelty: float | None = None
    capture: Capture | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no prediction for one picture.

    Attributes:
        source: The picture's name.
        code: Stable name of the reason, see hornet.errors.
        message: What is wrong and what to do.
        capture: When and with what it was taken; None if nobody asked.
    """

    source: str
    code: str
    message: str
    capture: Capture | None = None


@dataclass(frozen=True, slots=True)
class Outputs:
    """The four outputs of the graph for N pictures; see the design of the artifact.

    Attributes:
        probability: (N,) float32.
        logits: (N, 2) float32.
        heatmap: (N, h, w) float32.
        embedding: (N, 512) float32.
    """

    probability: NDArray[np.float32]
    logits: NDArray[np.float32]
    heatmap: NDArray[np.float32]
    embedding: NDArray[np.float32]


class Classifier:
    """Predicts with one artifact. Safe to share between threads.

    Args:
        artifact: An opened model file.
        limits: Largest picture that is decoded.
    """

    def __init__(self, artifact: Artifact, *, limits: Limits | None = None) -> None:
        self.artifact = artifact
        self._limits = limits or Limits()
        self._rule = artifact.contract.pixel_rule
        known = artifact.contract.novelty
        self._novelty = None if known is None else Novelty.from_document(known)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, threads: int | None = None) -> Classifier:
        """Open a model file; see :func:`hornet.artifact.open_artifact` for what may go wrong."""
        return cls(open_artifact(path, threads=threads))

    @property
    def contract(self) -> Contract:
        """What the artifact says about itself."""
        return self.artifact.contract

    def predict(
        self, picture: Picture, *, threshold: float | None = None, masks: Sequence[Box] = ()
    ) -> Prediction:
        """Predict one picture, with heatmap and embedding.

        Args:
            picture: A path, encoded bytes, or a Pillow image.
            threshold: Replaces the contract's low and high.
            masks: Rectangles to fill, besides the contract's.

        Raises:
            ImageError: If the picture can't be used.
            ConfigError: If the threshold isn't from 0 to 1.
        """
        low, high = self._band(threshold)
        item = _item(picture, masks=tuple(masks))
        return self._predictions([item], self._input(item)[None], low, high, with_maps=True)[0]

    def predict_batch(
        self, pictures: Iterable[Item | Picture], *, threshold: float | None = None, with_maps: bool = False
    ) -> list[Prediction | Failure]:
        """Predict some pictures: one answer each, in order. See :meth:`predict_many`."""
        return list(self.predict_many(pictures, threshold=threshold, with_maps=with_maps))

    def predict_many(
        self,
        pictures: Iterable[Item | Picture],
        *,
        threshold: float | None = None,
        batch_size: int = _BATCH,
        workers: int | None = None,
        runs: int | None = None,
        with_maps: bool = False,
    ) -> Iterator[Prediction | Failure]:
        """Predict any number of pictures: one answer each, in the order of the input.

        Batches are cut by place in the input, so answers don't depend on timing; at most a few
        batches are in memory. While some are run, the next ones are read and decoded: a classifier that was
        opened with ``threads=1`` runs as many at once as there are CPUs, which keeps all of them busy.

        Args:
            pictures: Paths, encoded bytes, Pillow images, or items with names and masks.
            threshold: Replaces the contract's low and high.
            batch_size: Pictures a run of the network.
            workers: Threads that read and decode; None: as many as CPUs.
            runs: Batches that are run at the same time; None: as many as the CPUs have room for.
            with_maps: Whether predictions carry heatmap and embedding.

        Yields:
            A prediction, or why there is none.

        Raises:
            ConfigError: If an argument makes no sense.
        """
        low, high = self._band(threshold)
        if batch_size < 1 or (workers is not None and workers < 1):
            raise ConfigError("batch size and workers must be at least 1")

        def answer(batch: list[tuple[Item, NDArray[np.uint8] | Failure]]) -> list[Prediction | Failure]:
            return self._answer(batch, low, high, with_maps=with_maps)

        items = (_item(picture) for picture in pictures)
        first = list(itertools.islice(items, 2))
        if len(first) < 2:  # noqa: PLR2004 - threads cost more than one picture
            yield from answer([(item, self._try_input(item)) for item in first])
            return
        cpus = available_cpus()
        for answers in run_staged(
            itertools.chain(first, items),
            self._try_input,
            answer,
            batch_size=batch_size,
            workers=workers or cpus,
            runs=runs or max(1, cpus // self.artifact.threads),
        ):
            yield from answers

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        """Run the network.

        Args:
            batch: uint8 (N, H, W, 3), as :func:`hornet.images.pixels` makes them.

        Raises:
            ConfigError: If shape or type differ from the contract's.
        """
        if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1:] != (*self.contract.size, 3):  # noqa: PLR2004
            raise ConfigError(
                f"the network takes uint8 (N, {self.contract.size[0]}, {self.contract.size[1]}, 3), "
                f"not {batch.dtype} {batch.shape}"
            )
        return Outputs(*self.artifact.session.run(list(OUTPUTS), {INPUT: batch}))

    def novelty(self, embeddings: NDArray[np.float32]) -> list[float] | list[None]:
        """Return how unlike everything that the model was trained with pictures are.

        Args:
            embeddings: float32 (N, 512), as :meth:`run` returns them.

        Returns:
            A multiple of the contract's limit for each; None for each if the contract has no limit.
        """
        if self._novelty is None:
            return [None] * len(embeddings)
        return [float(score) for score in self._novelty.score(embeddings)]

    def _band(self, threshold: float | None) -> tuple[float, float]:
        if threshold is None:
            return self.contract.low, self.contract.high
        if not 0 <= threshold <= 1:
            raise ConfigError(f"the threshold must be from 0 to 1, not {threshold}")
        return threshold, threshold

    def _input(self, item: Item) -> NDArray[np.uint8]:
        """Return one picture as (H, W, 3); raises ImageError."""
        picture = item.picture
        if isinstance(picture, Image.Image):
            return preprocess(from_pillow(picture), self._rule, masks=item.masks)
        if callable(picture):
            data = picture()
        else:
            data = picture if isinstance(picture, bytes) else read_file(picture, self._limits)
        return pixels(data, self._rule, masks=item.masks, limits=self._limits)

    def _try_input(self, item: Item) -> NDArray[np.uint8] | Failure:
        try:
            return self._input(item)
        except ImageError as error:
            return Failure(item.source, error.code, str(error))

    def _answer(
        self,
        batch: list[tuple[Item, NDArray[np.uint8] | Failure]],
        low: float,
        high: float,
        *,
        with_maps: bool,
    ) -> list[Prediction | Failure]:
        good = [(item, array) for item, array in batch if not isinstance(array, Failure)]
        answers: Iterator[Prediction] = iter(())
        if good:
            stacked = np.stack([array for _, array in good])
            answers = iter(
                self._predictions([item for item, _ in good], stacked, low, high, with_maps=with_maps)
            )
        return [array if isinstance(array, Failure) else next(answers) for _, array in batch]

    def _predictions(
        self, items: Sequence[Item], batch: NDArray[np.uint8], low: float, high: float, *, with_maps: bool
    ) -> list[Prediction]:
        outputs = self.run(batch)
        novelty = self.novelty(outputs.embedding)
        return [
            Prediction(
                source=item.source,
                label=decide(float(outputs.probability[at]), low, high, novelty[at]),
                probability=float(outputs.probability[at]),
                logits=(float(outputs.logits[at, 0]), float(outputs.logits[at, 1])),
                heatmap=outputs.heatmap[at] if with_maps else None,
                embedding=outputs.embedding[at] if with_maps else None,
                novelty=novelty[at],
            )
            for at, item in enumerate(items)
        ]


def _item(picture: Item | Picture, masks: tuple[Box, ...] = ()) -> Item:
    if isinstance(picture, Item):
        return picture
    if isinstance(picture, bytes | Image.Image):
        return Item(getattr(picture, "filename", "") or "", picture, masks)
    return Item(os.fspath(picture), Path(picture), masks)
