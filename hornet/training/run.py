"""One training run, from labelled pictures to calibrated weights in a run folder."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from hornet.dataset import TRAIN, VALIDATION, load_dataset
from hornet.errors import ConfigError
from hornet.training.adversarial import build_adversary
from hornet.training.augmentation import Augmentation
from hornet.training.calibrate import calibrate
from hornet.training.checkpoint import load_checkpoint, save_checkpoint
from hornet.training.config import load_config, save_config
from hornet.training.data import (
    EpochBatches,
    TrainingPictures,
    default_workers,
    draw_probabilities,
    training_loader,
)
from hornet.training.distributed import World, open_world
from hornet.training.energy import add_training, describe_energy, measuring
from hornet.training.hardware import Hardware, choose_hardware, cpu_threads, deterministic
from hornet.training.loop import Loop, build_loss
from hornet.training.mixing import describe_mixing, mix
from hornet.training.network import HornetNet
from hornet.training.phases import FullPhase, HeadPhase
from hornet.training.pictures import prepare, prepare_again, share
from hornet.training.runfolder import RunFolder, save_weights
from hornet.training.watch import Watch
from hornet.training.weights import StartingPoint, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor

    from hornet.dataset import Dataset
    from hornet.training.config import TrainConfig
    from hornet.training.pictures import Pictures


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run reached.

    Attributes:
        path: The run folder.
        calibration: What ``calibration.json`` holds.
        interrupted: Whether it was stopped by Ctrl-C: the weights are the best until then.
        writes: Whether this is the process that writes and reports, of several.
    """

    path: Path
    calibration: dict[str, Any]
    interrupted: bool
    writes: bool = True


@dataclass(frozen=True, slots=True)
class _Run:
    """What the steps of a run share."""

    config: TrainConfig
    folder: RunFolder
    hardware: Hardware
    report: Callable[[str], None]
    live: Callable[[str], None]


_Tell: TypeAlias = "Callable[[str], None]"


def _nothing(_: str) -> None:
    """Ignore a message."""


def train_run(
    config: TrainConfig,
    dataset: Dataset,
    out: Path,
    *,
    report: Callable[[str], None] = _nothing,
    live: Callable[[str], None] = _nothing,
) -> RunResult:
    """Train, keep the best weights, and calibrate them.

    Args:
        config: Decides everything; saved first, with the number of threads that was chosen.
        dataset: Labelled pictures; existing splits are kept and checked.
        out: The run folder, new or empty.
        report: Told what the user should read, a line each.
        live: Told often how far it is; a line that the next one replaces.

    Returns:
        Where the run is, and what it reached.

    Raises:
        ConfigError: If settings, starting weights or the folder can't be used.
        DatasetError: If pictures can't be read or split.
        HornetError: If weights can't be downloaded, or the loss stops being a number.
        KeyboardInterrupt: If it is stopped before the first epoch is done.
    """
    with open_world(config.device) as world:
        return _begin(config, dataset, RunFolder(out), world, (report, live))


def _begin(
    config: TrainConfig, dataset: Dataset, folder: RunFolder, world: World, tell: tuple[_Tell, _Tell]
) -> RunResult:
    threads = config.threads or max(1, (os.cpu_count() or 1) // world.local_size)
    config = config.model_copy(update={"threads": threads})
    run = _open(config, folder, world, tell)
    if world.writes:
        folder.claim()
        save_config(config, folder.config)
    with _computing(run):
        torch.manual_seed(config.seed)
        network = _network(run)
        # Before the pictures are read: a wrong file should show at once.
        # One after the other, as they may be downloaded.
        point = start(network, config.weights, init=config.init) if world.writes else None
        world.barrier()
        point = point or start(network, config.weights, init=config.init)
        for line in point.describe():
            run.report(line)
        pictures = (
            prepare(dataset, config, folder, report=run.report, live=run.live) if world.writes else None
        )
        return _train(run, network, point, share(world, pictures, config, folder), None)


def resume_run(
    out: Path, *, report: Callable[[str], None] = _nothing, live: Callable[[str], None] = _nothing
) -> RunResult:
    """Go on with a run that was stopped; the weights are those of a run that wasn't.

    Bit for bit on a CPU with the same number of threads, which the run's configuration fixes. A run
    that was stopped before its first checkpoint begins anew.

    Args:
        out: The run folder.
        report: As of :func:`train_run`.
        live: As of :func:`train_run`.

    Raises:
        ConfigError: If there is no run in the folder.
        DatasetError: If its pictures have changed place or can't be read.
    """
    folder = RunFolder(out)
    if not folder.config.is_file():
        raise ConfigError(
            f"{out}: holds no run to resume (no {folder.config.name}); name a folder made by train"
        )
    config = load_config(folder.config)
    with open_world(config.device) as world:
        return _go_on(config, folder, world, (report, live))


def _go_on(config: TrainConfig, folder: RunFolder, world: World, tell: tuple[_Tell, _Tell]) -> RunResult:
    run = _open(config, folder, world, tell)
    # Rank 0 first, as it puts damaged checkpoints aside.
    state = load_checkpoint(folder.checkpoint, report=run.report) if world.writes else None
    world.barrier()
    state = state or load_checkpoint(folder.checkpoint, report=run.report)
    world.barrier()
    if state is None:
        run.report("no checkpoint yet: beginning anew")
        if world.writes:
            folder.clear()
        return _begin(config, load_dataset(config.data), folder, world, tell)
    with _computing(run):
        network = _network(run)
        point = StartingPoint.from_dict(state["start"])
        run.report(_where(state["position"]))
        pictures = prepare_again(config, folder, report=run.report, live=run.live) if world.writes else None
        return _train(run, network, point, share(world, pictures, config, folder), state)


def _open(config: TrainConfig, folder: RunFolder, world: World, tell: tuple[_Tell, _Tell]) -> _Run:
    if config.batch < 2 * world.size:
        raise ConfigError(
            f"--batch {config.batch} is too small for {world.size} processes: each takes its share of a batch, "
            "and needs 2 pictures at least"
        )
    hardware = choose_hardware(config.device, config.precision, world)
    report, live = tell if world.writes else (_nothing, _nothing)
    return _Run(config, folder, hardware, report, live)


def _where(position: dict[str, Any]) -> str:
    steps = len(position["losses"])
    within = f" and {steps} steps" if steps else ""
    return f"resuming after epoch {position['epoch']}{within} of phase {position['phase']}"


@contextmanager
def _computing(run: _Run) -> Iterator[None]:
    """Set the threads, and remove the caches at the end."""
    run.report(f"device: {run.hardware.describe()}, {run.config.threads} threads, seed {run.config.seed}")
    try:
        with cpu_threads(run.config.threads or 1), deterministic(run.config.deterministic), _counting(run):
            yield
    finally:
        if run.hardware.world.writes:
            shutil.rmtree(run.folder.cache, ignore_errors=True)


@contextmanager
def _counting(run: _Run) -> Iterator[None]:
    """Count energy and CO2, if they were asked for."""
    if run.config.energy is None or not run.hardware.world.writes:
        yield
        return
    session: dict[str, Any] = {}
    try:
        with measuring(run.config.energy) as session:
            yield
    finally:
        if session:
            add_training(run.folder.energy, session)
    for line in describe_energy(run.folder.energy):
        run.report(line)


def _network(run: _Run) -> HornetNet:
    return HornetNet(dropout=run.config.dropout, pooling=run.config.pooling)


def _train(
    run: _Run, network: HornetNet, point: StartingPoint, pictures: Pictures, state: dict[str, Any] | None
) -> RunResult:
    config, folder, world = run.config, run.folder, run.hardware.world
    network.to(run.hardware.device, memory_format=torch.channels_last)
    network = world.share_statistics(network)

    def keep(best: dict[str, Tensor]) -> None:
        if world.writes:
            save_weights(folder.weights, best, config)

    def save(checkpoint: dict[str, Any]) -> None:
        save_checkpoint(folder.checkpoint, {**checkpoint, "start": point.to_dict()})

    loss = build_loss(config, pictures.of(TRAIN)[2], run.hardware.device)
    loop = Loop(
        network=network,
        config=config,
        hardware=run.hardware,
        loss=loss,
        labels=pictures.of(VALIDATION)[2],
        metrics=folder.metrics,
        report=run.report,
        live=run.live,
        keep=keep,
        save=save,
        disturb=build_adversary(config, network, run.hardware, loss),
    )
    if state is not None:
        loop.restore(state)
    interrupted = _phases(run, network, point, pictures, loop)
    if not world.writes:
        return RunResult(folder.path, {}, interrupted, writes=False)
    network.load_state_dict(loop.best)
    calibration = calibrate(network, pictures, run.hardware.exact(), folder, loop.position.best)
    return RunResult(folder.path, calibration, interrupted)


def _phases(run: _Run, network: HornetNet, point: StartingPoint, pictures: Pictures, loop: Loop) -> bool:
    """Train what is left; return whether Ctrl-C ended it."""
    config = run.config
    if config.tensorboard and run.hardware.world.writes:
        loop.watch = Watch(run.folder.tensorboard, loop.position.rows)
    try:
        if _has_head_phase(config, network, point) and loop.position.phase != FullPhase.name:
            _head_phase(run, network, point, pictures, loop)
        if config.epochs:
            _full_phase(run, network, point, pictures, loop)
    except KeyboardInterrupt:
        if not loop.best:
            raise
        run.report("interrupted: keeping the best weights so far (once more to leave at once)")
        return True
    finally:
        if loop.watch is not None:
            loop.watch.close()
    return False


def _has_head_phase(config: TrainConfig, network: HornetNet, point: StartingPoint) -> bool:
    """Tell whether something is frozen and something else to be trained in phase one."""
    drawn = any(name in point.initialised for name, _ in network.named_parameters())
    if not (point.taken and drawn) and config.epochs == 0:
        raise ConfigError("--epochs 0 leaves nothing to train: no tensor is both new and above loaded ones")
    return bool(point.taken) and drawn and config.head_epochs > 0


def _head_phase(run: _Run, network: HornetNet, point: StartingPoint, pictures: Pictures, loop: Loop) -> None:
    records, places, labels = pictures.of(TRAIN)
    phase = HeadPhase(
        network,
        run.config,
        point,
        run.hardware,
        pictures=pictures.cache.array,
        training=(places, labels),
        validation=pictures.of(VALIDATION)[1],
        draw=draw_probabilities(records, run.config.balance),
        folder=run.folder.cache,
        live=run.live,
    )
    run.report(f"phase one: features cached after {phase.stages[-1] if phase.stages else 'normalisation'}")
    loop.run(phase)
    phase.finish()
    network.load_state_dict(loop.best)


def _full_phase(run: _Run, network: HornetNet, point: StartingPoint, pictures: Pictures, loop: Loop) -> None:
    config = run.config
    records, places, _ = pictures.of(TRAIN)
    augmentation = Augmentation(config.augment, config.seed, config.pixel_rule)
    batches = EpochBatches(
        len(records),
        config.batch,
        config.seed,
        draw_probabilities(records, config.balance),
        run.hardware.world,
    )
    workers = config.workers
    if workers is None:  # several processes share the cores
        workers = default_workers(run.hardware.device.type) // run.hardware.world.local_size
    frozen = "all layers" if config.freeze == "none" else f"layers above {config.freeze}"
    run.report(
        f"phase two: {frozen}, augmentation {config.augment}{describe_mixing(config)}, {workers} workers"
    )
    alone = TrainingPictures(
        records, augmentation, (pictures.cache.file, places), (pictures.decoder, pictures.digests(TRAIN))
    )
    mixed = mix(alone, config, draw_probabilities(records, config.balance))
    loader = training_loader(mixed, batches, workers=workers)
    loop.run(
        FullPhase(
            network,
            config,
            run.hardware,
            loader=loader,
            batches=batches,
            pictures=pictures.cache.array,
            validation=pictures.of(VALIDATION)[1],
            pretrained=bool(point.taken),
        )
    )
