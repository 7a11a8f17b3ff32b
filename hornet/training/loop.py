"""The epoch loop that both phases share: step, validate, keep the best, stop early."""

from __future__ import annotations

import csv
import math
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hornet.errors import ConfigError, HornetError
from hornet.files import write_atomically
from hornet.training.averaging import build_average
from hornet.training.hardware import seed_step
from hornet.training.losses import cross_entropy, roc_auc
from hornet.training.optim import factor, set_rates
from hornet.training.position import Best, Position

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from hornet.training.averaging import Average
    from hornet.training.config import TrainConfig
    from hornet.training.hardware import Hardware
    from hornet.training.losses import SoftCrossEntropy
    from hornet.training.network import HornetNet
    from hornet.training.position import Phase
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


def duration(seconds: float) -> str:
    """Return ``45 s``, ``12 min`` or ``3 h 05 min``."""
    if seconds < 90:  # noqa: PLR2004 - where minutes read better
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"  # noqa: PLR2004
