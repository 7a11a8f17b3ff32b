"""Retraining the head alone, with the bank as a rehearsal: seconds on a CPU, and forgetting is measured."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.dataset import TEST, TRAIN, VALIDATION, fingerprint
from hornet.errors import ConfigError, DatasetError, ImageError
from hornet.evaluation.comparison import MARGIN, Answers, Comparison, compare
from hornet.files import write_atomically
from hornet.images import pixels, read_file
from hornet.training.augmentation import Augmentation
from hornet.training.bank import embed, read_bank, save_bank, trunk_digest
from hornet.training.exported import FILES
from hornet.training.head import FittedHead, Head, fit, new_samples
from hornet.training.headcontract import probability_of, refit, with_ordinary
from hornet.training.headfile import write_with_head
from hornet.training.network import FEATURES, HornetNet
from hornet.training.runfolder import RunFolder
from hornet.training.weights import read_state, take

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hornet.artifact import Contract
    from hornet.classifier import Classifier
    from hornet.dataset import Dataset, Record
    from hornet.training.bank import Bank

#: Views of a training picture: as it is, and changed at random.
_VIEWS: Final = 8
#: Most views altogether; with many pictures there are fewer of each.
_MOST_VIEWS: Final = 4000
#: Least cosine between an embedding of the champion's file and one of its float weights.
_ALIKE: Final = 0.9
_COMPARED: Final = 8
_BATCH: Final = 32


@dataclass(frozen=True, slots=True)
class Trunk:
    """The champion as retraining its head needs it.

    Attributes:
        classifier: Its model file.
        network: Its float weights.
        bank: What they made of the pictures they learned from.
        state: The weights' tensors by name, as stored.
        metadata: What the weights' file says of itself.
    """

    classifier: Classifier
    network: HornetNet
    bank: Bank
    state: dict[str, Any]
    metadata: dict[str, str]

    @property
    def head(self) -> Head:
        """Its head."""
        layer = self.network.fc
        weight, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
        return Head(weight[1] - weight[0], float(bias[1] - bias[0]))


def open_trunk(classifier: Classifier, weights: Path, bank: Path) -> Trunk:
    """Read weights and bank of a champion.

    Raises:
        ConfigError: If a file is damaged, or the bank is of other weights.
    """
    from safetensors import safe_open

    state = read_state(weights)
    network = HornetNet(pooling=classifier.contract.pooling)
    take(network, state, origin=weights.name)
    stored = read_bank(bank)
    if stored.trunk != trunk_digest(state):
        raise ConfigError(f"{bank}: is the bank of other weights than {weights}; export their run again")
    metadata: dict[str, str] = {}
    if weights.suffix == ".safetensors":
        with safe_open(weights, framework="pt") as file:
            metadata = dict(file.metadata() or {})
    return Trunk(classifier, network.eval(), stored, state, metadata)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A challenger that shares the champion's trunk.

    Attributes:
        model: Its file, of the champion's precision.
        fitted: Its head.
        forgetting: Champion against challenger on the bank's validation part; None where it has none.
    """

    model: Path
    fitted: FittedHead
    forgetting: Comparison | None


def rehearse(
    trunk: Trunk,
    dataset: Dataset,
    out: Path,
    *,
    margin: float = MARGIN,
    seed: int = 0,
    report: Callable[[str], None],
    live: Callable[[str], None],
) -> Rehearsed:
    """Train a head on new pictures and the bank, and write model, weights and bank into ``out``.

    Temperature and threshold are fitted to the bank's validation part, to new validation pictures, and to new
    training pictures as answered by heads that saw nothing of their groups. The threshold is the best of those
    with which no slice of the bank's validation part loses more than ``margin``, where there is one.

    Args:
        trunk: The champion.
        dataset: New pictures with splits; those held out aren't looked at.
        out: An empty folder.
        margin: Largest loss of accuracy that is accepted on a slice of what was known.
        seed: Decides augmentation and folds.
        report: Told a line each.
        live: Told how far it is.

    Raises:
        DatasetError: If a picture can't be read.
        ConfigError: If the weights aren't those of the champion's file.
        ExportMismatch: If the new file doesn't answer as it should.
    """
    learned = [r for r in dataset.records if r.split == TRAIN]
    watched = [r for r in dataset.records if r.split == VALIDATION]
    views = max(1, min(_VIEWS, _MOST_VIEWS // max(len(learned), 1)))
    embedding = _embed_views(trunk, learned, views, seed, live)
    _check_trunk(trunk, learned, embedding[:, 0])
    label = np.array([record.label for record in learned], np.int64)
    groups = [record.group for record in learned]
    live("fitting heads")
    fitted = fit(trunk.head, new_samples(embedding, label, groups), trunk.bank, seed=seed)
    report(fitted.describe())
    own = _embed_views(trunk, watched, 1, seed, live)[:, 0]
    left_out = fitted.left_out[::views]
    seen_label = np.array([record.label for record in (*learned, *watched)], np.int64)
    seen = (np.append(left_out, fitted.head.margin(own)), seen_label)
    contract = refit(trunk.classifier.contract, (trunk.head, fitted.head), trunk.bank, seen, margin=margin)
    contract = replace(contract, training=_lineage(contract, fitted, dataset), quality={})
    forgetting = _forgetting(trunk, fitted.head, contract)
    folder = RunFolder(out)
    change, bias = fitted.head.weight - trunk.head.weight, fitted.head.bias - trunk.head.bias
    _save_weights(trunk, change, bias, folder.weights)
    everything = np.concatenate([embedding[:, 0], own]).astype(np.float32)
    bank = trunk.bank.joined([*learned, *watched], everything)
    save_bank(bank, folder.bank)
    contract = with_ordinary(contract, fitted.head, (trunk.bank, bank), (embedding[:, 0], groups, left_out))
    model = out / FILES[contract.precision]
    write_with_head(trunk.classifier, model, change, bias, contract)
    return Rehearsed(model, fitted, forgetting)


def _embed_views(
    trunk: Trunk, records: Sequence[Record], views: int, seed: int, live: Callable[[str], None]
) -> NDArray[np.float32]:
    """Return embeddings (N, V, 512), the unchanged picture's first."""
    rule = trunk.classifier.contract.pixel_rule
    augmentation = Augmentation("standard", seed, rule)

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for index, record in enumerate(records):
            try:
                data = read_file(record.path)
                yield pixels(data, rule, masks=record.masks)
                for view in range(1, views):
                    yield augmentation(data, epoch=view, index=index, masks=record.masks)
            except ImageError as error:
                raise DatasetError(f"{record.name}: {error}. Mend or remove it.") from None

    made = embed(trunk.network, _batches(pictures()), live=live)
    return made.reshape(len(records), views, FEATURES)


def _batches(pictures: Iterator[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    batch: list[NDArray[np.uint8]] = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == _BATCH:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)


def _check_trunk(trunk: Trunk, records: Sequence[Record], embedding: NDArray[np.float32]) -> None:
    """Refuse float weights that aren't those of the champion's file: its embeddings would be others."""
    for record, row in list(zip(records, embedding, strict=True))[:_COMPARED]:
        other = trunk.classifier.predict(record.path, masks=record.masks).embedding
        if other is None:
            continue
        length = float(np.linalg.norm(row) * np.linalg.norm(other))
        if length > 0 and float(row @ other) < _ALIKE * length:
            raise ConfigError(
                "these float weights aren't those of the champion: they see something else in "
                f"{record.name}; pass its own with --from, or train with --layers all"
            )


def _lineage(contract: Contract, fitted: FittedHead, dataset: Dataset) -> dict[str, Any]:
    """Return what a contract says of its training, with this retraining as the last one."""
    about = {
        "layers": "head",
        "fingerprint": fingerprint(dataset),
        "pictures": {split: len(dataset.subset(split)) for split in (TRAIN, VALIDATION, TEST)},
        "share": fitted.share,
        "pull": fitted.pull,
    }
    return {**contract.training, "retrained": [*contract.training.get("retrained", []), about]}


def _forgetting(trunk: Trunk, head: Head, contract: Contract) -> Comparison | None:
    """Compare both heads on the bank's validation part, as the float network sees it."""
    rows = trunk.bank.of("validation")
    if not len(rows):
        return None
    sides = [
        Answers(
            probability_of(one.margin(rows.embedding), what),
            what.decision_threshold,
        )
        for one, what in ((trunk.head, trunk.classifier.contract), (head, contract))
    ]
    return compare(
        rows.label.astype(np.int64), sides[0], sides[1], groups=rows.group.tolist(), columns=rows.columns()
    )


def _save_weights(trunk: Trunk, change: NDArray[np.float64], bias: float, file: Path) -> None:
    """Write the challenger's float weights: the champion's but for the head."""
    import torch
    from safetensors.torch import save

    head = {
        "fc.weight": torch.from_numpy(np.stack([-change / 2, change / 2])),
        "fc.bias": torch.tensor([-bias / 2, bias / 2], dtype=torch.float64),
    }
    state = {
        name: (tensor.double() + head[name]).float() if name in head else tensor
        for name, tensor in trunk.state.items()
    }
    metadata = trunk.metadata or {"hornet": json.dumps({})}
    write_atomically(file, save({n: t.contiguous() for n, t in state.items()}, metadata=metadata))
