"""All pictures that may be shown, with what the model and the files say of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hornet.captures import exif_of
from hornet.classifier import Failure, Item
from hornet.dataset.names import cameras_of, time_of
from hornet.errors import ConfigError
from hornet.images import Limits, read_file
from hornet.inference.sources import Scan
from hornet.review.looks import Look, Looks
from hornet.review.results import locate, read_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from hornet.classifier import Classifier
    from hornet.review.results import Row


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that may be shown.

    Attributes:
        name: As a person knows it.
        path: Where the file is.
        verdict: ``present``, ``absent`` or ``unsure``.
        probability: Calibrated, 0 to 1.
        novelty: How unlike what the model learned from; None: it doesn't tell.
        captured_at: ISO 8601 by the results, EXIF or the name, or empty.
        camera: Likewise, or empty.
        columns: Further columns of a manifest that are known.
    """

    name: str
    path: Path
    verdict: str
    probability: float
    novelty: float | None = None
    captured_at: str = ""
    camera: str = ""
    columns: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was found.

    Attributes:
        candidates: Pictures with a verdict, in the order of the input.
        embedding: (N, 512) float32, rounded to halves.
        failures: Why others have none.
    """

    candidates: tuple[Candidate, ...]
    embedding: NDArray[np.float32]
    failures: tuple[Failure, ...]


def gather(
    source: Path, classifier: Classifier, live: Callable[[str], None], looks: Looks | None = None
) -> Gathered:
    """Look at every picture of a folder, or of predict's results, once.

    Verdicts and probabilities are those of the results where there are some, since they are what is reviewed;
    embeddings are always the model's.

    Args:
        source: Folder, or file of results.
        classifier: The model.
        live: Told how far it is.
        looks: Of earlier starts; takes in those of this one. None: there are none.

    Raises:
        ConfigError: If there is nothing to look at, or the results can't be read.
    """
    rows: list[Row] = []
    if source.is_dir():
        found = list(Scan([str(source)]))
        paths = [one.name for one in found if one.error is None]
        failures = [
            Failure(one.name, one.error.code, str(one.error)) for one in found if one.error is not None
        ]
    elif not source.exists():
        raise ConfigError(f"{source} isn't there. Name a folder of pictures, or results of 'hornet predict'.")
    else:
        good, failures = _usable(read_results(source))
        unique: dict[str, Row] = {}
        for row in good:
            unique.setdefault(locate(row, source), row)
        rows, paths = list(unique.values()), list(unique)
    looks = Looks(None, {}) if looks is None else looks
    candidates: list[Candidate] = []
    embedding: list[NDArray[np.float16]] = []
    cameras = cameras_of(paths)
    for at, look in enumerate(_look(paths, classifier, looks)):
        live(f"looking at pictures: {at + 1:,} of {len(paths):,}")
        if isinstance(look, Failure):
            failures.append(look)
            continue
        candidates.append(_candidate(paths[at], look, cameras[at], rows[at] if rows else None))
        embedding.append(look.embedding)
    looks.save()
    if not candidates:
        why = f"; the first: {failures[0].source}: {failures[0].message}" if failures else ""
        raise ConfigError(f"there is no picture to look at in {source}{why}")
    return Gathered(tuple(candidates), np.stack(embedding).astype(np.float32), tuple(failures))


def _look(paths: Sequence[str], classifier: Classifier, looks: Looks) -> Iterator[Look | Failure]:
    """Yield a look at every picture, in order: an earlier one, else the network's."""
    known = [looks.get(path) for path in paths]
    facts: dict[str, tuple[str, str]] = {}
    missing = (path for path, look in zip(paths, known, strict=True) if look is None)
    answers = iter(classifier.predict_many(_items(missing, facts), with_maps=True))
    for path, look in zip(paths, known, strict=True):
        if look is not None:
            yield look
            continue
        answer = next(answers)
        if isinstance(answer, Failure):
            yield answer
            continue
        assert answer.embedding is not None
        half = answer.embedding.astype(np.float16)
        new = Look(answer.label, answer.probability, answer.novelty, *facts.pop(path), embedding=half)
        looks.put(path, new)
        yield new


def _usable(rows: Sequence[Row]) -> tuple[list[Row], list[Failure]]:
    """Part the rows of pictures on this machine from addresses and failures."""
    good: list[Row] = []
    failures: list[Failure] = []
    for row in rows:
        if row.path.lower().startswith(("http://", "https://")):
            message = "only pictures on this machine can be reviewed: save it first"
            failures.append(Failure(row.path, "unsupported", message))
        elif not row.label:
            code, _, message = row.error.partition(": ")
            failures.append(Failure(row.path, code, message or "the results have no verdict"))
        else:
            good.append(row)
    return good, failures


def _items(paths: Iterable[str], facts: dict[str, tuple[str, str]]) -> Iterable[Item]:
    """Yield items that note what EXIF says when they are read, in the threads that decode."""
    limits = Limits()

    def reader(path: str) -> Callable[[], bytes]:
        def read() -> bytes:
            data = read_file(path, limits)
            facts[path] = exif_of(data)
            return data

        return read

    return (Item(path, reader(path)) for path in paths)


def _candidate(path: str, look: Look, camera: str, row: Row | None) -> Candidate:
    columns = dict(row.columns) if row else {}
    return Candidate(
        name=row.path if row else path,
        path=Path(path),
        verdict=row.label if row else look.verdict,
        probability=row.probability if row else look.probability,
        novelty=look.novelty,
        captured_at=columns.pop("captured_at", "") or look.captured_at or time_of(_posix(path)),
        camera=columns.pop("camera", "") or look.camera or camera,
        columns=columns,
    )


def _posix(path: str) -> str:
    return path.replace(os.sep, "/")
