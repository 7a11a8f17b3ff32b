"""Do 50 own pictures help where they come from, and is anything forgotten? On real pictures, several draws.

Embeddings are computed once (``--embeddings FILE`` keeps them, and goes on where it was stopped); then each draw takes
some pictures of a source that the weights never saw, holds a quarter of them out as ``hornet retrain`` does, fits
the head with the bank, decides about promotion, and is examined on all pictures of the source that weren't drawn::

    python benchmarks/retraining.py web-unseen.csv --weights WEIGHTS --source web --embeddings web.npy

The manifest is one of ``benchmarks/real_manifest.py``, whose split ``test`` has the source. Weights with a head of two
classes are the champion; on others a head is fitted to the manifest's training part, with the trunk as it is. All
figures are those of the float network on unchanged pictures (one view; the command takes 8).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from hornet.dataset import Dataset, Record, read_manifest
from hornet.evaluation.calibration import fit_temperature, fit_threshold
from hornet.evaluation.comparison import MARGIN, Answers, Comparison, compare
from hornet.images import PixelRule, pixels, read_file
from hornet.training.bank import Bank, embed, trunk_digest
from hornet.training.head import Head, fit, new_samples
from hornet.training.network import FEATURES, HornetNet
from hornet.training.weights import read_state, take

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCH: Final = 32
_HELD_OUT: Final = 0.25
_SHOWN: Final = ("roc_auc", "f1", "accuracy")


def compute(dataset: Dataset, weights: Path, file: Path, wanted: set[str]) -> NDArray[np.float32]:
    """Return embeddings (N, 512) of the pictures of the wanted splits; what the file has isn't computed again."""
    state = read_state(weights)
    network = HornetNet()
    take(network, state, origin=weights.name)
    mode = "r+" if file.is_file() else "w+"
    array = np.lib.format.open_memmap(file, mode=mode, dtype=np.float32, shape=(len(dataset), FEATURES))
    rule = PixelRule((224, 224))
    todo = [i for i, r in enumerate(dataset.records) if r.split in wanted and not array[i].any()]
    for first in range(0, len(todo), _BATCH):
        part = todo[first : first + _BATCH]
        records = [dataset.records[i] for i in part]
        array[part] = embed(
            network, [np.stack([pixels(read_file(r.path), rule, masks=r.masks) for r in records])]
        )
        array.flush()
        print(f"embeddings: {first + len(part)}/{len(todo)}", flush=True)
    return np.array(array)


def make_bank(records: list[Record], rows: NDArray[np.float32], trunk: str) -> Bank:
    """Return the bank of a manifest's training and validation part."""
    sources = tuple(sorted({r.source for r in records}))
    groups = {r.group or r.name: None for r in records}
    numbers = {name: number for number, name in enumerate(groups)}
    return Bank(
        trunk=trunk,
        sources=sources,
        kinds=("",),
        embedding=rows.astype(np.float16),
        label=np.array([r.label for r in records], np.int8),
        split=np.array([r.split == "validation" for r in records], np.uint8),
        source=np.array([sources.index(r.source) for r in records], np.int16),
        species=np.zeros(len(records), np.int16),
        group=np.array([numbers[r.group or r.name] for r in records], np.int32),
        digest=np.arange(len(records), dtype=np.int64),
        held_out=np.zeros(0, np.int64),
    )


def champion_head(weights: Path, bank: Bank) -> Head:
    """Return the head of the weights, or one fitted to the bank's training part."""
    state = read_state(weights)
    if state["fc.weight"].shape[0] == 2:  # noqa: PLR2004 - classes
        weight, bias = state["fc.weight"].double().numpy(), state["fc.bias"].double().numpy()
        return Head(weight[1] - weight[0], float(bias[1] - bias[0]))
    rows = bank.of("train")
    scaler = StandardScaler().fit(rows.embedding.astype(np.float64))
    model = LogisticRegression(C=1e-2, max_iter=2000)
    model.fit(scaler.transform(rows.embedding.astype(np.float64)), rows.label)
    weight = model.coef_[0] / scaler.scale_
    return Head(weight, float(model.intercept_[0] - weight @ scaler.mean_))


class Model:
    """A head with its temperature and threshold."""

    def __init__(self, head: Head, margin: NDArray[np.float64], label: NDArray[np.int64]) -> None:
        self.head = head
        self.temperature = fit_temperature(np.stack([-margin / 2, margin / 2], axis=1), label)
        self.threshold = fit_threshold(self._probability(margin), label)

    def answers(self, rows: NDArray[Any]) -> Answers:
        """Answer embeddings (N, 512)."""
        return Answers(self._probability(self.head.margin(rows)), self.threshold)

    def _probability(self, margin: NDArray[np.float64]) -> NDArray[np.float64]:
        result: NDArray[np.float64] = 0.5 * (1 + np.tanh(0.5 * margin / self.temperature))
        return result


def draw(
    seed: int, count: int, exam: tuple[NDArray[np.float32], NDArray[np.int64]], bank: Bank, old: Model
) -> dict[str, Any]:
    """Retrain on some pictures and examine on the others."""
    rows, label = exam
    generator = np.random.default_rng(seed)
    drawn = generator.permutation(len(rows))[:count]
    rest = np.setdiff1d(np.arange(len(rows)), drawn)
    # The drawn ones are in random order already; a quarter of each class is held out.
    test = np.concatenate(
        [m[: max(1, round(_HELD_OUT * len(m)))] for c in (0, 1) if len(m := drawn[label[drawn] == c]) > 1]
    )
    learned = np.setdiff1d(drawn, test)
    fitted = fit(
        old.head, new_samples(rows[learned][:, None], label[learned], [str(i) for i in learned]), bank
    )
    watched = bank.of("validation")
    margin = np.concatenate([fitted.head.margin(watched.embedding), fitted.left_out])
    new = Model(fitted.head, margin, np.concatenate([watched.label.astype(np.int64), label[learned]]))

    def versus(part: NDArray[Any], truth: NDArray[np.int64], groups: list[int], columns: Any) -> Comparison:
        return compare(truth, old.answers(part), new.answers(part), groups=groups, columns=columns)

    own = versus(rows[test], label[test], list(range(len(test))), {"source": ["own"] * len(test)})
    before = versus(
        watched.embedding, watched.label.astype(np.int64), watched.group.tolist(), watched.columns()
    )
    problems = own.problems(MARGIN) + before.problems(MARGIN)
    outside = versus(rows[rest], label[rest], list(range(len(rest))), {})
    return {
        "seed": seed,
        "learned": len(learned),
        "held_out": len(test),
        "share": fitted.share,
        "pull": fitted.pull,
        "promoted": not problems,
        "problems": problems,
        "exam": outside.to_dict(),
        "known": before.to_dict(),
    }


def show(title: str, draws: list[dict[str, Any]], part: str) -> None:
    """Print a table in Markdown: a line a draw and figure, and the mean."""
    print(f"\n{title} ({draws[0][part]['champion']['n']} pictures)\n")
    print(
        "| draw | " + " | ".join(f"{name}, before -> after, difference" for name in _SHOWN) + " | promoted |"
    )
    print("| --- |" + " ---: |" * len(_SHOWN) + " --- |")
    for one in draws:
        cells = []
        for name in _SHOWN:
            old, new = (one[part][side]["metrics"][name]["value"] for side in ("champion", "challenger"))
            change = one[part]["differences"][name]
            cells.append(
                f"{old:.3f} -> {new:.3f}, {change['value']:+.3f} ({change['low']:+.3f} to {change['high']:+.3f})"
            )
        print(f"| {one['seed']} | " + " | ".join(cells) + f" | {'yes' if one['promoted'] else 'no'} |")
    means = [np.mean([one[part]["differences"][name]["value"] for one in draws]) for name in _SHOWN]
    print("| mean | " + " | ".join(f"{mean:+.3f}" for mean in means) + " | |")


def main() -> None:
    """Draw, retrain, examine, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--source", required=True, help="of the split test; the weights never saw it")
    parser.add_argument("--known", action="append", help="sources of the bank; default: all")
    parser.add_argument("--embeddings", type=Path, required=True, metavar="FILE", help="kept here (.npy)")
    parser.add_argument("--count", type=int, default=50, help="pictures of a draw")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    dataset = read_manifest(arguments.manifest)
    known = arguments.known or sorted({r.source for r in dataset.records} - {arguments.source})
    wanted = [
        replace(r, split=r.split if r.source in known or r.source == arguments.source else "")
        for r in dataset.records
    ]
    dataset = replace(dataset, records=tuple(wanted))
    rows = compute(dataset, arguments.weights, arguments.embeddings, {"train", "validation", "test"})
    places = [i for i, r in enumerate(dataset.records) if r.split in {"train", "validation"}]
    bank = make_bank(
        [dataset.records[i] for i in places], rows[places], trunk_digest(read_state(arguments.weights))
    )
    own = [i for i, r in enumerate(dataset.records) if r.split == "test" and r.source == arguments.source]
    label = np.array([dataset.records[i].label for i in own], np.int64)
    watched = bank.of("validation")
    head = champion_head(arguments.weights, bank)
    old = Model(head, head.margin(watched.embedding), watched.label.astype(np.int64))
    draws = [draw(seed, arguments.count, (rows[own], label), bank, old) for seed in range(arguments.draws)]
    print(
        f"{arguments.count} pictures of {arguments.source} a draw; the bank has {len(bank)} rows of {', '.join(known)}"
    )
    show(f"All of {arguments.source} that wasn't drawn", draws, "exam")
    show("What was known before: the bank's validation part", draws, "known")
    for one in draws:
        print(
            f"draw {one['seed']}: share {one['share']:g}, pull {one['pull']:g}"
            + "".join(f"; {p}" for p in one["problems"])
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(draws, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
