"""The epoch loop that both phases share: step, validate, keep the best, stop early."""

from __future__ import annotations

import csv
import math
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from hornet.dataset import write_atomically
from hornet.errors import ConfigError, HornetError
from hornet.training.averaging import build_average
from hornet.training.hardware import seed_step
from hornet.training.mixing import SoftCrossEntropy
from hornet.training.optim import factor, set_rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor
    from torch.optim import Optimizer

    from hornet.training.averaging import Average
    from hornet.training.config import TrainConfig
    from hornet.training.hardware import Hardware
    from hornet.training.network import HornetNet
    from hornet.training.watch import Watch

METRICS = (
    "phase",
    "epoch",
    "train_loss",
    "validation_loss",
    "validation_auc",
    "lr",
    "pictures_per_s",
    "seconds",
)


class Phase(Protocol):
    """What differs between the phases.

    Attributes:
        name: ``head`` or ``full``.
        number: Separates the random draws of the phases.
        epochs: Most epochs.
        first_epoch: What the phase's epoch 0 is called in random draws, which count over the run.
        optimizer: Over what the phase trains.
        schedule: Name of the schedule.
    """

    name: str
    number: int
    epochs: int
    first_epoch: int
    optimizer: Optimizer
    schedule: str

    def steps(self) -> int:
        """Return the number of steps in an epoch."""
        ...

    def batches(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield inputs of :meth:`logits`, and labels (N,), or probabilities (N, 2) of mixed pictures,, from step ``first`` of the epoch on."""
        ...

    def train_mode(self) -> None:
        """Switch dropout and batch normalisation to training, where they train."""
        ...

    def logits(self, inputs: Tensor) -> Tensor:
        """Return (N, 2)."""
        ...

    def validate(self) -> NDArray[np.float32]:
        """Return the logits (N, 2) of the validation pictures, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class Best:
    """Where the best weights of a run are from.

    Attributes:
        phase: ``head`` or ``full``.
        epoch: Of that phase, counted from 1.
        validation_loss: Lowest of the run, nats.
    """

    phase: str = ""
    epoch: int = 0
    validation_loss: float = math.inf


@dataclass(slots=True)
class Position:
    """Where a run is; with the tensors, all that resuming needs, as no random state is carried.

    Attributes:
        phase: Name of the phase.
        epoch: Epochs of this phase that are done.
        step: Steps of this phase that are done.
        rows: Lines in the metrics file, without its header.
        best: Where the best weights so far are from.
        phase_best: Lowest validation loss of this phase.
        stale: Epochs since then.
        lowered: How often in this phase the validation loss stood still, for the schedule ``plateau``.
        losses: Of the steps of the unfinished epoch.
    """

    phase: str = ""
    epoch: int = 0
    step: int = 0
    rows: int = 0
    best: Best = Best()
    phase_best: float = math.inf
    stale: int = 0
    lowered: int = 0
    losses: list[float] = field(default_factory=list)

    def enter(self, phase: str) -> None:
        """Begin a phase."""
        self.phase, self.epoch, self.step = phase, 0, 0
        self.phase_best, self.stale, self.lowered = math.inf, 0, 0
        self.losses = []


@dataclass(slots=True)
class Loop:
    """Runs phases and keeps the best weights.

    Attributes:
        network: What is trained.
        config: Of the run.
        hardware: Where it computes.
        loss: Of logits and labels, with class weights and smoothing.
        labels: Of the validation pictures, (N,).
        metrics: CSV file to which every epoch adds a line.
        report: Told a line an epoch.
        live: Told often how far it is.
        keep: Called with the best weights whenever they improve.
        save: Called with what a checkpoint holds, at the end of every epoch and now and then within.
        disturb: Changes a step's inputs, knowing its labels, before it learns from them.
        watch: Shows the run to TensorBoard.
        position: Where the run is.
        best: The best weights so far.
    """

    network: HornetNet
    config: TrainConfig
    hardware: Hardware
    loss: SoftCrossEntropy
    labels: NDArray[np.int64]
    metrics: Path
    report: Callable[[str], None]
    live: Callable[[str], None]
    keep: Callable[[dict[str, Tensor]], None]
    save: Callable[[dict[str, Any]], None]
    disturb: Callable[[Phase, Tensor, Tensor], Tensor] | None = None
    position: Position = field(default_factory=Position)
    best: dict[str, Tensor] = field(default_factory=dict)
    _optimizer: dict[str, Any] = field(default_factory=dict)  # of a checkpoint, until its phase begins
    watch: Watch | None = None
    _saved: float = field(default_factory=time.monotonic)
    _average: Average | None = field(init=False)
    _scaler: torch.amp.GradScaler = field(init=False)

    def __post_init__(self) -> None:
        self._average = build_average(self.config.ema)
        self._scaler = self.hardware.scaler()

    def run(self, phase: Phase) -> None:
        """Train a phase to its end or until patience is out, from where ``position`` says.

        Raises:
            HornetError: If the loss stops being a number.
        """
        if self.position.phase != phase.name:
            self.position.enter(phase.name)
            if self._average is not None:
                self._average.begin(self.network)
        elif self._optimizer:
            phase.optimizer.load_state_dict(self._optimizer)
        self._optimizer = {}
        forward = self.hardware.world.parallel(self.network, phase.logits)
        while self.position.epoch < phase.epochs and self.position.stale < self.config.patience:
            began = time.monotonic()
            train_loss, speed = self._train(phase, forward)
            with nullcontext() if self._average is None else self._average.shown(self.network):
                self.hardware.world.broadcast_buffers(self.network)
                logits = self.hardware.world.join(phase.validate())
                loss = cross_entropy(logits, self.labels)
                self._remember(phase, loss)
            rate = phase.optimizer.param_groups[0]["lr"]
            seconds = time.monotonic() - began
            auc = roc_auc(self.labels, logits[:, 1] - logits[:, 0])
            self._log(
                (
                    phase.name,
                    self.position.epoch,
                    train_loss,
                    loss,
                    auc,
                    rate,
                    round(speed, 1),
                    round(seconds, 1),
                )
            )
            if self.watch is not None:
                losses = {"train_loss": train_loss, "validation_loss": loss, "validation_auc": auc}
                self.watch.epoch(phase.name, self.position.rows, self.network, phase.optimizer, losses)
            left = (phase.epochs - self.position.epoch) * seconds
            self.report(
                f"{phase.name} {self.position.epoch}/{phase.epochs}: loss {train_loss:.4f}, validation loss "
                f"{loss:.4f}{' (best)' if self.position.stale == 0 else ''}, AUC {auc:.4f}, "
                f"{speed:.0f} pictures/s, {duration(left)} left at most"
            )
            self._save(phase)
        if self.position.stale >= self.config.patience:
            self.report(
                f"{phase.name}: no lower validation loss for {self.position.stale} epochs, stopping early"
            )

    def state(self, phase: Phase) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {
            "position": asdict(self.position),
            "network": self.network.state_dict(),
            "optimizer": phase.optimizer.state_dict(),
            "best": self.best,
            "average": {} if self._average is None else self._average.state,
            "scaler": self._scaler.state_dict(),
            "threads": torch.get_num_threads(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where :meth:`state` was taken.

        Raises:
            ConfigError: If it was taken with another number of threads, which would give other sums.
        """
        if state["threads"] != torch.get_num_threads():
            raise ConfigError(
                f"the run was computed with {state['threads']} threads, this would be "
                f"{torch.get_num_threads()}; set threads in its config.toml back"
            )
        stored = state["position"]
        self.position = Position(**{**stored, "best": Best(**stored["best"])})
        self.network.load_state_dict(state["network"])
        self.best = state["best"]
        if self.best:
            self.keep(self.best)
        self._optimizer = state["optimizer"]
        if self._average is not None:
            self._average.restore(self.network, state["average"])
        self._scaler.load_state_dict(state["scaler"])
        if not self.hardware.world.writes:
            return
        # Epochs after the checkpoint will be done again.
        if not self.position.rows:
            self.metrics.unlink(missing_ok=True)
            return
        lines = self.metrics.read_text(encoding="utf-8").splitlines(keepends=True)
        write_atomically(self.metrics, "".join(lines[: 1 + self.position.rows]).encode())

    def _save(self, phase: Phase) -> None:
        if self.hardware.world.writes:
            self.save(self.state(phase))
        self._saved = time.monotonic()

    def _train(self, phase: Phase, forward: Callable[[Tensor], Tensor]) -> tuple[float, float]:
        """Train one epoch; return the mean loss and pictures a second."""
        position, steps, world = self.position, phase.steps(), self.hardware.world
        total = steps * phase.epochs
        losses, first = position.losses, len(position.losses)
        seen, began = 0, time.monotonic()
        phase.train_mode()
        for batch in phase.batches(phase.first_epoch + position.epoch, first):
            inputs, labels = (tensor.to(self.hardware.device) for tensor in batch)
            # Dropout depends on the step alone, so that resuming needs no random state.
            seed_step(self.config.seed, phase.number, position.step, world.rank)
            set_rates(phase.optimizer, factor(phase.schedule, position.step, total, position.lowered))
            phase.optimizer.zero_grad(set_to_none=True)
            if self.watch is not None and position.step == 0:
                self.watch.inputs(phase.name, inputs, labels, position.rows + 1)
            if self.disturb is not None:
                inputs = self.disturb(phase, inputs, labels)
            with self.hardware.autocast():
                logits = forward(inputs)
            loss = self.loss(logits.float(), labels)
            value, share = self._agree(float(loss.detach()), labels)
            if not math.isfinite(value):
                raise HornetError(
                    f"the loss became {value} in phase {phase.name}, epoch {position.epoch + 1}, step "
                    f"{position.step + 1}; try a lower --lr (or --head-lr), or --precision float32"
                )
            self._scaler.scale(loss if share == 1 else loss * share).backward()
            self._scaler.step(phase.optimizer)
            self._scaler.update()
            position.step += 1
            if self._average is not None:
                self._average.update(self.network, position.step)
            losses.append(value)
            seen += self.config.batch if world.size > 1 else len(labels)
            speed = seen / max(time.monotonic() - began, 1e-9)
            rest = (total - position.step) * (time.monotonic() - began) / (len(losses) - first)
            self.live(
                f"{phase.name} {position.epoch + 1}/{phase.epochs}: step {len(losses)}/{steps}, loss {value:.3f}, "
                f"{speed:.0f} pictures/s, {duration(rest)} left at most"
            )
            if time.monotonic() - self._saved >= 60 * self.config.checkpoint_minutes:
                self._save(phase)
        return float(np.mean(losses)), seen / max(time.monotonic() - began, 1e-9)

    def _agree(self, loss: float, labels: Tensor) -> tuple[float, float]:
        """Return the global batch's loss, and what makes the mean of the ranks' gradients its gradient."""
        world = self.hardware.world
        if world.size == 1:
            return loss, 1.0
        mine = self.loss.divisor(labels)
        total, weight = world.sum(loss * mine, mine, device=self.hardware.device)
        return total / weight, mine * world.size / weight

    def _remember(self, phase: Phase, loss: float) -> None:
        position = self.position
        position.epoch += 1
        position.losses = []
        position.stale += 1
        if loss < position.phase_best:
            position.phase_best, position.stale = loss, 0
        elif position.stale % self.config.plateau_epochs == 0:
            position.lowered += 1
        if loss < position.best.validation_loss:
            position.best = Best(phase.name, position.epoch, loss)
            self.best = {
                name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()
            }
            self.keep(self.best)

    def _log(self, values: tuple[object, ...]) -> None:
        self.position.rows += 1
        if not self.hardware.world.writes:
            return
        fresh = not self.metrics.exists()
        with self.metrics.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if fresh:
                writer.writerow(METRICS)
            writer.writerow([f"{value:.7g}" if isinstance(value, float) else value for value in values])


def build_loss(config: TrainConfig, labels: NDArray[np.int64], device: torch.device) -> SoftCrossEntropy:
    """Build cross entropy with the run's class weights (n / (2 n_class)) and label smoothing."""
    weight = None
    if config.class_weights == "balanced":
        counts = np.bincount(labels, minlength=2)
        weight = torch.tensor(len(labels) / (2 * counts), dtype=torch.float32, device=device)
    return SoftCrossEntropy(weight=weight, label_smoothing=config.label_smoothing)


def cross_entropy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the mean negative log likelihood, in nats, without weights or smoothing."""
    margins = (logits[:, 1] - logits[:, 0]).astype(np.float64)
    return float(np.logaddexp(0, np.where(labels == 1, -margins, margins)).mean())


def roc_auc(labels: NDArray[np.int64], scores: NDArray[np.float32]) -> float:
    """Return the share of pairs in which presence scores higher than absence; ties count half."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores))


def duration(seconds: float) -> str:
    """Return ``45 s``, ``12 min`` or ``3 h 05 min``."""
    if seconds < 90:  # noqa: PLR2004 - where minutes read better
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"  # noqa: PLR2004
