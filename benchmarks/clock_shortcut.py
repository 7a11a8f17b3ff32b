"""A clock that tells the label: what the audit says, and what a model without and with ``--mask auto`` learns.

    python benchmarks/clock_shortcut.py --weights FILE [--pictures 140] [--epochs 11] [--size 128x160] [--insect 0.13]

Draws pictures with a clock burnt in at the bottom right. In those to learn from, presence was filmed in the morning
and absence in the afternoon; in those to measure on, the clock lies. Audits the first, trains on them without masks
and with ``--mask auto``, and measures both models on the second.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import ImageDraw, ImageFont

from hornet.classifier import Classifier
from hornet.dataset import Dataset, Record
from hornet.dataset.drawings import draw, encode_jpeg
from hornet.evaluation.audit import audit
from hornet.evaluation.intervals import newcombe_auc
from hornet.evaluation.ranking import roc_auc
from hornet.training.config import TrainConfig
from hornet.training.export import export_run
from hornet.training.run import train_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from hornet.images import Box

_SIZE = (240, 180)


@dataclass(frozen=True, slots=True)
class Clocks:
    """Pictures with clocks.

    Attributes:
        dataset: The pictures.
        box: Smallest rectangle around all that was ever written, as fractions.
    """

    dataset: Dataset
    box: Box


def write_clocks(
    folder: Path, count: int, *, lying: bool, seed: int = 0, height: int = 18, scale: float | None = None
) -> Clocks:
    """Draw pictures whose clock tells the label.

    Args:
        folder: Where they go.
        count: How many; every other one shows a hornet, the others a bee or a wasp.
        lying: Whether presence was filmed in the afternoon, and absence in the morning, instead.
        seed: Decides everything.
        height: Of the letters, px.
        scale: Length of the insects as a share of the shorter side; None: 0.35 to 0.75.
    """
    rng = np.random.default_rng([seed, lying])
    font = ImageFont.load_default(height)
    width, tall = _SIZE
    records, boxes = [], []
    for number in range(count):
        label = number % 2
        morning = (label == 1) != lying
        hour = rng.integers(6, 10) if morning else rng.integers(14, 20)
        text = f"2024-08-{1 + number // 6:02d} {hour:02d}:{rng.integers(60):02d}"
        subject = "hornet" if label else ("bee", "wasp")[int(rng.integers(2))]
        image = draw(subject, seed=int(rng.integers(2**31)), size=_SIZE, scale=scale)
        place = (width - 3, tall - 3)
        pen = ImageDraw.Draw(image)
        pen.text(place, text, (255, 255, 255), font, anchor="rd", stroke_width=1, stroke_fill=(0, 0, 0))
        boxes.append(pen.textbbox(place, text, font, anchor="rd", stroke_width=1))
        name = f"{number:04d}.jpg"
        (folder / name).write_bytes(encode_jpeg(image, quality=85))
        records.append(Record(name, folder / name, label))
    low, high = np.min(boxes, axis=0)[:2] / _SIZE, np.max(boxes, axis=0)[2:] / _SIZE
    return Clocks(Dataset(tuple(records), folder), (*low.tolist(), *np.minimum(high, 1).tolist()))


def overlap(one: Box, other: Box) -> float:
    """Return the intersection of two rectangles over their union."""
    wide = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    tall = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return wide * tall / (sum(areas) - wide * tall)


def learn(config: TrainConfig, clocks: Clocks, out: Path, say: Callable[[str], None]) -> Classifier:
    """Train and export; return the float32 model."""
    train_run(config, clocks.dataset, out, report=say)
    export_run(out, reporter=say)
    return Classifier.open(out / "hornet-fp32.onnx")


def area(classifier: Classifier, dataset: Dataset) -> tuple[float, float, float]:
    """Return a model's AUC on pictures, and its interval of 95 % (Newcombe)."""
    answers = classifier.predict_batch(dataset.paths())
    scores = [answer.probability for answer in answers]  # type: ignore[union-attr]
    labels = dataset.labels()
    value = roc_auc(labels, scores) or 0.0
    return (value, *newcombe_auc(value, int(labels.sum()), int((1 - labels).sum())))


def main() -> None:
    """Draw, audit, train twice, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--weights", default="none")
    parser.add_argument("--pictures", type=int, default=140)
    parser.add_argument("--epochs", type=int, default=11)
    parser.add_argument("--head-epochs", type=int, default=2)
    parser.add_argument("--size", default="128x160")
    # Small insects and large letters, as of hive cameras: what is easier to learn is learned.
    parser.add_argument("--insect", type=float, default=0.13, help="share of the shorter side")
    parser.add_argument("--letters", type=int, default=26, help="px")
    options = parser.parse_args()
    drawn = {"height": options.letters, "scale": options.insect}
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / name for name in ("honest", "same", "lying")]
        for folder in folders:
            folder.mkdir()
        honest = write_clocks(folders[0], options.pictures, lying=False, **drawn)
        same = write_clocks(folders[1], 60, lying=False, seed=1, **drawn)
        lying = write_clocks(folders[2], 60, lying=True, seed=2, **drawn)
        for finding in audit(honest.dataset).findings:
            print(f"{finding.name}: {finding.sentence()}")
        height, width = (int(part) for part in options.size.split("x"))
        config = TrainConfig(
            data=folders[0], weights=options.weights, size=(height, width), epochs=options.epochs, head_epochs=options.head_epochs,
            patience=options.epochs + 1, test=0.0, validation=0.2, batch=16, threads=1, workers=0, group_by="none", augment="none",
            cache="none",
        )  # fmt: skip
        for auto in (False, True):
            asked = config.model_copy(update={"mask_text": auto})
            model = learn(asked, honest, Path(scratch) / f"run{auto:d}", lambda _: None)
            for name, clocks in (("as learned", same), ("lying", lying)):
                value, low, high = area(model, clocks.dataset)
                masks = "--mask auto" if auto else "no mask"
                print(f"{masks}: clock {name}: AUC {value:.3f} ({low:.3f} to {high:.3f}, n 60)")


if __name__ == "__main__":
    main()
