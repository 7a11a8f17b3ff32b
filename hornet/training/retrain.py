"""Champion against challenger: fine-tune on new pictures, keep the better one.

The challenger learns from the training groups; both are then measured, as artifacts and through the
code of ``predict``, on the same test groups, which neither the challenger's weights nor its early
stopping or threshold have seen. (Whether the champion saw them in its own training isn't known here.)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hornet.classifier import Classifier
from hornet.dataset import TEST, Dataset, check_classes, derive_groups, split_dataset
from hornet.errors import ConfigError
from hornet.evaluation.evaluate import evaluate
from hornet.registry import PACKED_WEIGHTS_NAME, Registry, packed_path, resolve_model
from hornet.training.config import build_config
from hornet.training.export import export_run
from hornet.training.run import train_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hornet.artifact import Contract
    from hornet.entries import Entry
    from hornet.evaluation.evaluate import Evaluation

PACKED = "packed"
IMAGENET = "imagenet"

#: A retraining starts from a network that knows hornets: gentler than a first training.
DEFAULTS: dict[str, Any] = {"epochs": 5, "head_epochs": 2, "lr": 1e-4, "label_smoothing": 0.05}

#: Best first; the first that differs decides.
_CRITERIA = ("roc_auc", "f1")


@dataclass(frozen=True, slots=True)
class RetrainResult:
    """What came of it.

    Attributes:
        promoted: Whether the challenger is the champion now.
        reason: Why, in a sentence.
        entry: The challenger in the registry.
        champion: The champion's figures on the held-out groups.
        challenger: The challenger's figures on the same pictures.
    """

    promoted: bool
    reason: str
    entry: Entry
    champion: Evaluation
    challenger: Evaluation

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "promoted": self.promoted,
            "reason": self.reason,
            "challenger": {"id": self.entry.id, "evaluation": self.challenger.to_dict()},
            "champion": {"id": self.entry.parent, "evaluation": self.champion.to_dict()},
        }


def retrain(
    dataset: Dataset,
    out: Path,
    *,
    start: str | None = None,
    given: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
    report: Callable[[str], None],
    live: Callable[[str], None],
) -> RetrainResult:
    """Train a challenger and promote it if it isn't worse than the champion.

    Args:
        dataset: New labelled pictures; where they have no groups, these are derived.
        out: Run folder of the challenger.
        start: A run folder, a file of weights, or ``imagenet``; None: the champion's float weights.
        given: Settings of the training that differ from ``DEFAULTS``.
        registry: None: the default one.
        report: Told what the user should read, a line each.
        live: Told often how far it is.

    Raises:
        ConfigError: If there is nothing to start from, or a setting makes no sense.
        DatasetError: If the pictures can't be split or read.
        ExportMismatch: If the challenger's artifact doesn't answer like its network.
    """
    registry = registry or Registry()
    champion = Classifier.open(resolve_model())
    parent = registry.index().champion or PACKED
    weights = starting_weights(start, registry)
    report(f"champion: {parent}; the challenger starts from {weights}")
    dataset, derivation = derive_groups(dataset, group_by=(given or {}).get("group_by", "auto"), live=live)
    for line in derivation.describe():
        report(line)
    dataset = split_dataset(dataset, seed=(given or {}).get("seed", 0))
    check_classes(dataset.subset(TEST), "The test split, on which champion and challenger are compared,")
    config = build_config(
        # What the champion's pictures looked like, the challenger's should: same size, same masks.
        {"data": dataset.root, "weights": weights, **_pixels(champion.contract), **DEFAULTS, **(given or {})}
    )
    train_run(config, dataset, out, report=report, live=live)
    exported = export_run(out, reporter=report)
    model = exported.int8 if champion.contract.precision == "int8" else exported.fp32
    challenger = Classifier.open(model)
    held_out = dataset.subset(TEST)
    before, after = evaluate(champion, held_out), evaluate(challenger, held_out)
    promoted, reason = judge(before, after)
    entry = registry.add(
        model,
        weights=out / "weights.safetensors",
        parent=parent,
        note=reason,
        record={
            "champion": before.to_dict(),
            "challenger": after.to_dict(),
            "config": config.model_dump(mode="json"),
        },
    )
    if promoted:
        registry.promote(entry.id)
    return RetrainResult(promoted, reason, entry, before, after)


def judge(champion: Evaluation, challenger: Evaluation) -> tuple[bool, str]:
    """Say whether the challenger may replace the champion, and why, in a sentence.

    The ranking (ROC-AUC) decides; where it is equal, F1 at each model's own threshold does.
    """
    figures = []
    for name in _CRITERIA:
        old, new = (each.overall.metrics[name].value for each in (champion, challenger))
        if old is None or new is None:
            continue
        figures.append(f"{name.replace('_', ' ')} {new:.4f} against {old:.4f}")
        if new != old:
            return new > old, f"{figures[-1]} on {len(challenger.records)} held-out pictures"
    return True, f"no difference on {len(challenger.records)} held-out pictures ({', '.join(figures)})"


def starting_weights(start: str | None, registry: Registry) -> str:
    """Return what ``--weights`` of the training is to be.

    Raises:
        ConfigError: If what was asked for isn't there, or nothing was and there are no float weights.
    """
    if start == IMAGENET:
        return IMAGENET
    if start is not None:
        path = Path(start)
        path = path / "weights.safetensors" if path.is_dir() else path
        if not path.is_file():
            raise ConfigError(
                f"--from {start}: no run folder with weights.safetensors and no file of weights"
            )
        return str(path)
    champion = registry.index().champion
    kept = registry.weights_path(champion) if champion else packed_path(PACKED_WEIGHTS_NAME)
    if kept is None:
        raise ConfigError(
            f"the champion ({champion or PACKED}) has no float weights here to start from; pass --from with a run "
            "folder, a file of weights (models/hornet-resnet18.safetensors of a checkout), or imagenet"
        )
    return str(kept)


def _pixels(contract: Contract) -> dict[str, Any]:
    return {
        "size": contract.size,
        "resize": contract.resize,
        "masks": contract.masks,
        "pooling": contract.pooling,
    }
