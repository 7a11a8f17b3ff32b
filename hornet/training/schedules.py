"""The same training under every schedule of the learning rate."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

from hornet.training.config import Schedule
from hornet.training.run import train_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hornet.dataset import Dataset
    from hornet.training.config import TrainConfig

#: Whatever a run can be configured with.
SCHEDULES: Final[tuple[str, ...]] = get_args(Schedule)


@dataclass(frozen=True, slots=True)
class ScheduleRun:
    """What one schedule did.

    Attributes:
        schedule: Its name.
        epochs: Lines of the run's ``metrics.csv``: phase, train_loss, validation_loss, validation_auc, lr, ...
        best_loss: Lowest validation loss, nats.
        test: ``Quality.to_dict()`` on the test split; None where there is none.
    """

    schedule: str
    epochs: tuple[dict[str, Any], ...]
    best_loss: float
    test: dict[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "schedule": self.schedule,
            "best_validation_loss": self.best_loss,
            "epochs": list(self.epochs),
            "test": self.test,
        }


def compare_schedules(
    config: TrainConfig,
    dataset: Dataset,
    folder: Path,
    *,
    report: Callable[[str], None],
    live: Callable[[str], None],
) -> list[ScheduleRun]:
    """Train once with each schedule, in both phases; all else, the seed and the number of epochs, is the same.

    Args:
        config: What else to train with; nothing stops early.
        dataset: Labelled pictures.
        folder: Gets a run folder for each schedule.
        report: Told whose turn it is.
        live: Told how far it is.

    Raises:
        ConfigError: If a folder holds something else, or the configuration can't be used.
        DatasetError: If pictures can't be read or split.
    """
    # Longer than anything lasts: nothing stops early.
    patience = max(config.head_epochs, config.epochs, config.plateau_epochs) + 1
    runs = []
    for name in SCHEDULES:
        report(f"schedule {name}")
        changes = {"schedule": name, "head_schedule": name, "patience": patience}
        result = train_run(config.model_copy(update=changes), dataset, folder / name, live=live)
        with (folder / name / "metrics.csv").open(encoding="utf-8", newline="") as file:
            epochs: tuple[dict[str, Any], ...] = tuple(
                {key: value if key == "phase" else float(value) for key, value in row.items()}
                for row in csv.DictReader(file)
            )
        best = min(row["validation_loss"] for row in epochs)
        runs.append(ScheduleRun(name, epochs, best, result.calibration["test"]))
    return runs


def conclude(runs: Sequence[ScheduleRun]) -> str:
    """Say which schedule reached the lowest validation loss, and whether the test split confirms a difference."""
    first = min(runs, key=lambda run: run.best_loss)
    text = f"{_alike(runs)}Lowest validation loss: {first.schedule}, {first.best_loss:.4f}."
    bounds = [run.test["metrics"]["roc_auc"] for run in runs if run.test is not None]
    known = [(b["low"], b["high"]) for b in bounds if b["low"] is not None]
    if not known:
        return f"{text} There is no test split to compare them on."
    if max(low for low, _ in known) <= min(high for _, high in known):
        return (
            f"{text} The intervals of all test AUCs overlap: these pictures can't tell the schedules apart."
        )
    return f"{text} Not all intervals of the test AUCs overlap: the schedules differ."


def _alike(runs: Sequence[ScheduleRun]) -> str:
    """Name schedules that came out the same, such as a plateau that the loss never reached."""
    names: dict[tuple[float, ...], list[str]] = {}
    for run in runs:
        names.setdefault(tuple(row["lr"] for row in run.epochs), []).append(run.schedule)
    same = [group for rates, group in names.items() if rates and len(group) > 1]
    return "".join(f"{' and '.join(group)} had the same rates after every epoch. " for group in same)
