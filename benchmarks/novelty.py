"""Does a model notice pictures unlike anything it has seen, and what does that cost? Which distance tells them best?

Takes a run that was exported, and answers with its int8 file. Real pictures that have nothing to do with insects come
from packages that hold sample pictures: scikit-image's wheel (`pip download --no-deps scikit-image`) and scikit-learn,
which is installed; further ones from a folder::

    python benchmarks/novelty.py RUN --wheel scikit_image-*.whl --chosen-on WALLPAPERS

Distances were chosen on the pictures of ``--chosen-on`` (crops of Debian's packages `mate-backgrounds` and
`gnome-backgrounds`), on faces and patches (scikit-image's `lfw_subset`), and on plain and noisy frames; scikit-image's and
scikit-learn's picture files are looked at with all of them, and decide nothing. Distances are fitted to the run's bank
(training), their limits to what the file makes of validation. Intervals are 95 %.

``--drift`` tells how far changed pictures and other sources are from the model's reference.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageEnhance

from hornet.classifier import Classifier, Item, Prediction
from hornet.dataset import read_manifest
from hornet.drift import Reference
from hornet.evaluation.intervals import newcombe_auc, wilson
from hornet.images import IMAGE_EXTENSIONS
from hornet.novelty import ORDINARY_BEYOND, Novelty
from hornet.training.bank import read_bank
from hornet.training.exported import FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from hornet.dataset import Record

Distance = "Callable[[NDArray[np.float64]], NDArray[np.float64]]"
_CROPS: Final = 12  # of each picture of --chosen-on
_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class Answers:
    """What the file says of some pictures: embeddings (N, 512), probabilities (N,), novelties (N,), groups, labels."""

    embedding: NDArray[np.float64]
    probability: NDArray[np.float64]
    novelty: NDArray[np.float64]
    groups: tuple[str, ...]
    labels: NDArray[np.int64]


def ask(classifier: Classifier, pictures: list[tuple[str, Item, int]]) -> Answers:
    """Answer pictures: (group, item, label) each; those that can't be read are left out and named."""
    kept = []
    answers = classifier.predict_many((item for _, item, _ in pictures), with_maps=True)
    for (group, _, label), answer in zip(pictures, answers, strict=True):
        if isinstance(answer, Prediction):
            kept.append((group, label, answer))
        else:
            print(f"left out: {answer.source}: {answer.message}")
    return Answers(
        np.array([answer.embedding for _, _, answer in kept], dtype=np.float64),
        np.array([answer.probability for _, _, answer in kept]),
        np.array([answer.novelty for _, _, answer in kept], dtype=np.float64),
        tuple(group for group, _, _ in kept),
        np.array([label for _, label, _ in kept]),
    )


def of_records(records: list[Record]) -> list[tuple[str, Item, int]]:
    """Return labelled pictures as they are asked for."""
    return [
        (record.group or record.name, Item(record.name, record.path, record.masks), int(record.label or 0))
        for record in records
    ]


def samples(wheel: Path) -> Iterator[tuple[str, Item, int]]:
    """Yield scikit-image's and scikit-learn's picture files."""
    import sklearn

    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if name.startswith("skimage/data/") and Path(name).suffix.lower() in IMAGE_EXTENSIONS:
                yield name, Item(name, archive.read(name)), 0
    for path in sorted((Path(sklearn.__file__).parent / "datasets/images").glob("*.jpg")):
        yield path.name, Item(path.name, path), 0


def faces(wheel: Path) -> Iterator[tuple[str, Item, int]]:
    """Yield scikit-image's 100 faces and 100 patches without one, 25 x 25 px, grey."""
    with zipfile.ZipFile(wheel) as archive:
        arrays = np.load(io.BytesIO(archive.read("skimage/data/lfw_subset.npy")))
    for number, array in enumerate(arrays):
        yield f"lfw-{number}", Item(f"lfw-{number}", Image.fromarray((255 * array).astype(np.uint8))), 0


def crops(folder: Path) -> Iterator[tuple[str, Item, int]]:
    """Yield random crops of each picture below a folder; a picture is a group."""
    generator = np.random.default_rng(_SEED)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in IMAGE_EXTENSIONS:
            continue
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        picture.thumbnail((1600, 1600))
        for number in range(_CROPS):
            side = int(min(picture.size) * generator.uniform(0.2, 0.7))
            x, y = (int(generator.integers(0, length - side + 1)) for length in picture.size)
            name = f"{path.name}-{number}"
            yield path.name, Item(name, picture.crop((x, y, x + side, y + side))), 0


def plain() -> Iterator[tuple[str, Item, int]]:
    """Yield frames of one colour, and of noise in grains of several sizes."""
    generator = np.random.default_rng(_SEED)
    for grey in range(0, 256, 51):
        for tint in ((1.0, 1.0, 1.0), (0.4, 1.0, 0.4), (0.5, 0.7, 1.0), (1.0, 0.7, 0.4)):
            colour = tuple(int(grey * part) for part in tint)
            yield f"plain-{colour}", Item(f"plain-{colour}", Image.new("RGB", (640, 480), colour)), 0
    for grain in (1, 2, 4, 8, 16, 32):
        noise = generator.integers(0, 256, (480 // grain, 640 // grain, 3), dtype=np.uint8)
        picture = Image.fromarray(noise).resize((640, 480), Image.Resampling.NEAREST)
        yield f"noise-{grain}", Item(f"noise-{grain}", picture), 0


def lengths_one(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return embeddings of length 1."""
    result: NDArray[np.float64] = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return result


def distances(train: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, object]:
    """Return the distances that are compared, fitted."""

    def mahalanobis(kept: int, *, unit: bool) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        prepare = lengths_one if unit else (lambda x: x)
        x = prepare(train)
        means = np.stack([x[labels == name].mean(axis=0) for name in (0, 1)])
        centred = x - means[labels]
        values, vectors = np.linalg.eigh(centred.T @ centred / len(x))
        values, vectors = np.maximum(values[::-1], 1e-12), vectors[:, ::-1]
        rest = values[kept:].mean() if kept < len(values) else 1.0

        def distance(y: NDArray[np.float64]) -> NDArray[np.float64]:
            found = []
            for mean in means:
                away = prepare(y) - mean
                along = away @ vectors[:, :kept]
                beside = np.maximum((away**2).sum(axis=1) - (along**2).sum(axis=1), 0)
                found.append((along**2 / values[:kept]).sum(axis=1) + beside / rest)
            result: NDArray[np.float64] = np.sqrt(np.min(found, axis=0))
            return result

        return distance

    def nearest(k: int, directions: int) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        x = lengths_one(train)
        mean = x.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(x.T))
        project = (
            vectors[:, ::-1][:, :directions] / np.sqrt(values[::-1][:directions])
            if directions
            else np.eye(x.shape[1])
        )
        bank = (x - mean) @ project

        def distance(y: NDArray[np.float64]) -> NDArray[np.float64]:
            z = (lengths_one(y) - mean) @ project
            squared = (z**2).sum(axis=1)[:, None] + (bank**2).sum(axis=1) - 2 * z @ bank.T
            result: NDArray[np.float64] = np.sqrt(
                np.maximum(np.partition(squared, k - 1, axis=1)[:, k - 1], 0)
            )
            return result

        return distance

    return {
        "Mahalanobis, 64 directions, length 1 (the file's)": mahalanobis(64, unit=True),
        "Mahalanobis, 128 directions, length 1": mahalanobis(128, unit=True),
        "Mahalanobis, all directions, length 1": mahalanobis(511, unit=True),
        "Mahalanobis, 64 directions, as they are": mahalanobis(64, unit=False),
        "Mahalanobis, all directions, as they are": mahalanobis(511, unit=False),
        "10 nearest neighbours, length 1": nearest(10, 0),
        "10 nearest neighbours, 128 whitened directions": nearest(10, 128),
    }


def auroc(ordinary: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the chance that a picture of another kind has the larger score; ties count half."""
    both = np.concatenate([ordinary, other])
    order = both.argsort(kind="stable")
    ranks = np.empty(len(both))
    ranks[order] = np.arange(1, len(both) + 1)
    for value in np.unique(both):
        ranks[both == value] = ranks[both == value].mean()
    n, m = len(ordinary), len(other)
    return float((ranks[n:].sum() - m * (m + 1) / 2) / (n * m))


def interval(
    ordinary: NDArray[np.float64], first: tuple[str, ...], other: NDArray[np.float64], second: tuple[str, ...]
) -> tuple[float, float]:
    """Return the interval of an AUROC: groups of both kinds drawn again, or Newcombe's where that has no width."""
    generator = np.random.default_rng(_SEED)

    def draw(values: NDArray[np.float64], groups: tuple[str, ...]) -> NDArray[np.float64]:
        members = defaultdict(list)
        for at, group in enumerate(groups):
            members[group].append(at)
        lists = list(members.values())
        chosen = generator.integers(0, len(lists), len(lists))
        return values[[at for number in chosen for at in lists[number]]]

    found = [auroc(draw(ordinary, first), draw(other, second)) for _ in range(200)]
    low, high = (float(end) for end in np.percentile(found, (2.5, 97.5)))
    if low == high:
        return newcombe_auc(auroc(ordinary, other), len(set(second)), len(set(first)))
    return low, high


def compare(file: Answers, train: Answers, valid: Answers, sets: dict[str, Answers]) -> None:
    """Print AUROC and what is left as `present`, by distance and kind of picture."""
    print(
        "\n| distance | "
        + " | ".join(f"{name} ({len(answers.labels)})" for name, answers in sets.items())
        + " | hornets beyond |"
    )
    print("| --- |" + " ---: |" * (len(sets) + 1))
    for name, distance in distances(train.embedding, train.labels).items():
        limit = np.quantile(distance(valid.embedding), 1 - ORDINARY_BEYOND)  # type: ignore[operator]
        ordinary = distance(file.embedding)  # type: ignore[operator]
        cells = [f"{auroc(ordinary, distance(answers.embedding)):.3f}" for answers in sets.values()]  # type: ignore[operator]
        hornets = ordinary[file.labels == 1] > limit
        print(f"| {name} | " + " | ".join(cells) + f" | {hornets.sum()} of {len(hornets)} |")

    def one(answers: Answers) -> NDArray[np.float64]:
        result: NDArray[np.float64] = -np.maximum(answers.probability, 1 - answers.probability)
        return result

    cells = [f"{auroc(one(file), one(answers)):.3f}" for answers in sets.values()]
    print("| largest probability of a class, no distance | " + " | ".join(cells) + " | |")


def report(classifier: Classifier, file: Answers, sets: dict[str, Answers]) -> None:
    """Print what the file itself does."""
    threshold = classifier.contract.high
    print(
        "\n| pictures | n | AUROC against the test pictures | beyond the limit | `present` without it | with it |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for label, words in ((1, "test pictures, hornet"), (0, "test pictures, none")):
        part = file.labels == label
        beyond, present = file.novelty[part] > 1, file.probability[part] >= threshold
        print(
            f"| {words} | {part.sum()} | | {_share(beyond)} | {present.sum()} | {(present & ~beyond).sum()} |"
        )
    for name, answers in sets.items():
        area = auroc(file.novelty, answers.novelty)
        low, high = interval(file.novelty, file.groups, answers.novelty, answers.groups)
        beyond, present = answers.novelty > 1, answers.probability >= threshold
        print(
            f"| {name} | {len(beyond)} | {area:.3f} ({low:.3f} to {high:.3f}) | {_share(beyond)} | {present.sum()} | "
            f"{(present & ~beyond).sum()} |"
        )


def _share(beyond: NDArray[np.bool_]) -> str:
    low, high = wilson(int(beyond.sum()), len(beyond))
    return f"{beyond.sum()} ({100 * low:.0f} to {100 * high:.0f} %)"


def drift(classifier: Classifier, records: list[Record], sets: dict[str, Answers]) -> None:
    """Print how far changed test pictures and other sources are from the reference."""
    document = classifier.contract.reference
    if document is None:
        print("the file holds no reference")
        return
    reference = Reference.from_document(document)
    changed: dict[str, Answers] = {}
    for factor in (1.0, 1.25, 1.5, 2.0, 0.75, 0.5):
        pictures = []
        for record in records:
            with Image.open(record.path) as opened:
                picture = ImageEnhance.Brightness(opened.convert("RGB")).enhance(factor)
            pictures.append((record.group, Item(record.name, picture, record.masks), int(record.label or 0)))
        changed[f"test pictures, brightness x {factor:g}" if factor != 1 else "test pictures"] = ask(
            classifier, pictures
        )
    print("\n| pictures | n | probability: index (limit) | novelty: index (limit) |")
    print("| --- | ---: | ---: | ---: |")
    for name, answers in {**changed, **sets}.items():
        cells = []
        for one in reference.compare({"probability": answers.probability, "novelty": answers.novelty}):  # type: ignore[dict-item]
            limit = "-" if one.limit is None else f"{one.limit:.3f}"
            cells.append(f"{'**' if one.beyond else ''}{one.index:.3f}{'**' if one.beyond else ''} ({limit})")
        print(f"| {name} | {len(answers.labels)} | {' | '.join(cells)} |")


def main() -> None:
    """Read the arguments and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--chosen-on", type=Path)
    parser.add_argument("--precision", choices=sorted(FILES), default="int8")
    parser.add_argument("--drift", action="store_true")
    chosen = parser.parse_args()

    classifier = Classifier.open(chosen.run / FILES[chosen.precision])
    if classifier.contract.novelty is None:
        parser.error(f"{chosen.run} was exported without novelty; export it again")
    dataset = read_manifest(chosen.run / "manifest.csv")
    learned = read_bank(chosen.run / "bank.safetensors").of("train")
    validation = list(dataset.subset("validation").records)
    known = {record.source for record in validation}
    test = [record for record in dataset.subset("test").records if record.source in known]
    train = Answers(
        learned.embedding.astype(np.float64), np.zeros(0), np.zeros(0), (), learned.label.astype(np.int64)
    )
    file, valid = (ask(classifier, of_records(records)) for records in (test, validation))
    sets = {"scikit-image and scikit-learn": ask(classifier, list(samples(chosen.wheel)))}
    sets["faces and patches (lfw)"] = ask(classifier, list(faces(chosen.wheel)))
    sets["plain and noise"] = ask(classifier, list(plain()))
    if chosen.chosen_on is not None:
        sets["crops of wallpapers"] = ask(classifier, list(crops(chosen.chosen_on)))
    sources = sorted({record.source for record in dataset.subset("test").records} - known)
    unseen = {
        f"`{source}`, left out of training": ask(
            classifier, of_records([r for r in dataset.subset("test").records if r.source == source])
        )
        for source in sources
    }
    print(f"{chosen.precision}, limit {Novelty.from_document(classifier.contract.novelty).limit:.2f}")
    report(classifier, file, sets | unseen)
    compare(file, train, valid, sets | unseen)
    if chosen.drift:
        drift(classifier, test, unseen)


if __name__ == "__main__":
    main()
