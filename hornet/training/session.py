"""The phases of a run, with what they are given."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hornet.dataset import TRAIN, VALIDATION
from hornet.errors import ConfigError
from hornet.training.augmentation import Augmentation
from hornet.training.data import (
    EpochBatches,
    TrainingPictures,
    default_workers,
    draw_probabilities,
    training_loader,
)
from hornet.training.energy import add_training, describe_energy, measuring
from hornet.training.hardware import cpu_threads, deterministic
from hornet.training.mixing import describe_mixing, mix
from hornet.training.phases import FullPhase, HeadPhase
from hornet.training.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hornet.training.config import TrainConfig
    from hornet.training.hardware import Hardware
    from hornet.training.loop import Loop
    from hornet.training.network import HornetNet
    from hornet.training.pictures import Pictures
    from hornet.training.runfolder import RunFolder
    from hornet.training.weights import StartingPoint


@dataclass(frozen=True, slots=True)
class Session:
    """What the steps of a run share.

    Attributes:
        config: Decides everything.
        folder: Where the run is written.
        hardware: Where it computes, and beside whom.
        report: Told what the user should read, a line each.
        live: Told often how far it is.
    """

    config: TrainConfig
    folder: RunFolder
    hardware: Hardware
    report: Callable[[str], None]
    live: Callable[[str], None]


@contextmanager
def computing(session: Session) -> Iterator[None]:
    """Set the threads, and remove the caches at the end."""
    session.report(
        f"device: {session.hardware.describe()}, {session.config.threads} threads, seed {session.config.seed}"
    )
    try:
        with (
            cpu_threads(session.config.threads or 1),
            deterministic(session.config.deterministic),
            _counting(session),
        ):
            yield
    finally:
        if session.hardware.world.writes:
            shutil.rmtree(session.folder.cache, ignore_errors=True)


@contextmanager
def _counting(session: Session) -> Iterator[None]:
    """Count energy and CO2, if they were asked for."""
    if session.config.energy is None or not session.hardware.world.writes:
        yield
        return
    spent: dict[str, Any] = {}
    try:
        with measuring(session.config.energy) as spent:
            yield
    finally:
        if spent:
            add_training(session.folder.energy, spent)
    for line in describe_energy(session.folder.energy):
        session.report(line)


def run_phases(
    session: Session, network: HornetNet, point: StartingPoint, pictures: Pictures, loop: Loop
) -> bool:
    """Train what is left of both phases.

    Args:
        session: What the steps share.
        network: As it started, or as the checkpoint has it.
        point: What was loaded and what was drawn.
        pictures: Of all splits.
        loop: Knows where the run is.

    Returns:
        Whether Ctrl-C ended it, after at least one epoch.
    """
    config = session.config
    if config.tensorboard and session.hardware.world.writes:
        loop.watch = Watch(session.folder.tensorboard, loop.position.rows)
    try:
        if _has_head_phase(config, network, point) and loop.position.phase != FullPhase.name:
            _head_phase(session, network, point, pictures, loop)
        if config.epochs:
            _full_phase(session, network, point, pictures, loop)
    except KeyboardInterrupt:
        if not loop.best:
            raise
        session.report("interrupted: keeping the best weights so far (once more to leave at once)")
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


def _head_phase(
    session: Session, network: HornetNet, point: StartingPoint, pictures: Pictures, loop: Loop
) -> None:
    records, places, labels = pictures.of(TRAIN)
    phase = HeadPhase(
        network,
        session.config,
        point,
        session.hardware,
        pictures=pictures.cache.array,
        training=(places, labels),
        validation=pictures.of(VALIDATION)[1],
        draw=draw_probabilities(records, session.config.balance),
        folder=session.folder.cache,
        live=session.live,
    )
    session.report(
        f"phase one: features cached after {phase.stages[-1] if phase.stages else 'normalisation'}"
    )
    loop.run(phase)
    phase.finish()
    network.load_state_dict(loop.best)


def _full_phase(
    session: Session, network: HornetNet, point: StartingPoint, pictures: Pictures, loop: Loop
) -> None:
    config = session.config
    records, places, _ = pictures.of(TRAIN)
    augmentation = Augmentation(config.augment, config.seed, config.pixel_rule)
    batches = EpochBatches(
        len(records),
        config.batch,
        config.seed,
        draw_probabilities(records, config.balance),
        session.hardware.world,
    )
    workers = config.workers
    if workers is None:  # several processes share the cores
        workers = default_workers(session.hardware.device.type) // session.hardware.world.local_size
    frozen = "all layers" if config.freeze == "none" else f"layers above {config.freeze}"
    session.report(
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
            session.hardware,
            loader=loader,
            batches=batches,
            pictures=pictures.cache.array,
            validation=pictures.of(VALIDATION)[1],
            pretrained=bool(point.taken),
        )
    )
