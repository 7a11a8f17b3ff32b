"""One training run, from labelled pictures to calibrated weights in a run folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from hornet.dataset import TRAIN, VALIDATION, load_dataset
from hornet.errors import ConfigError
from hornet.training.adversarial import build_adversary
from hornet.training.audited import audit_pictures
from hornet.training.calibrate import calibrate
from hornet.training.checkpoint import load_checkpoint, save_checkpoint
from hornet.training.config import load_config, save_config
from hornet.training.distributed import open_world
from hornet.training.hardware import choose_hardware
from hornet.training.loop import Loop
from hornet.training.losses import build_loss
from hornet.training.masking import with_text_masked
from hornet.training.network import HornetNet
from hornet.training.pictures import prepare, prepare_again, share
from hornet.training.runfolder import RunFolder, save_weights
from hornet.training.session import Session, computing, run_phases
from hornet.training.weights import StartingPoint, start

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from hornet.dataset import Dataset
    from hornet.training.config import TrainConfig
    from hornet.training.distributed import World
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
    session = _open(config, folder, world, tell)
    if world.writes:
        folder.claim()
    if config.mask_text:
        masked = with_text_masked(config, dataset, report=tell[0], live=tell[1]) if world.writes else None
        config = world.broadcast(masked) or config
        session = replace(session, config=config)
    if world.writes:
        save_config(config, folder.config)
    with computing(session):
        torch.manual_seed(config.seed)
        network = _network(session)
        # Before the pictures are read: a wrong file should show at once.
        # One after the other, as they may be downloaded.
        point = start(network, config.weights, init=config.init) if world.writes else None
        world.barrier()
        point = point or start(network, config.weights, init=config.init)
        for line in point.describe():
            session.report(line)
        pictures = (
            prepare(dataset, config, folder, report=session.report, live=session.live)
            if world.writes
            else None
        )
        if pictures is not None:
            audit_pictures(pictures, folder, report=session.report)
        return _train(session, network, point, share(world, pictures, config, folder), None)


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
    session = _open(config, folder, world, tell)
    # Rank 0 first, as it puts damaged checkpoints aside.
    state = load_checkpoint(folder.checkpoint, report=session.report) if world.writes else None
    world.barrier()
    state = state or load_checkpoint(folder.checkpoint, report=session.report)
    world.barrier()
    if state is None:
        session.report("no checkpoint yet: beginning anew")
        if world.writes:
            folder.clear()
        return _begin(config, load_dataset(config.data), folder, world, tell)
    with computing(session):
        network = _network(session)
        point = StartingPoint.from_dict(state["start"])
        session.report(_where(state["position"]))
        pictures = (
            prepare_again(config, folder, report=session.report, live=session.live) if world.writes else None
        )
        return _train(session, network, point, share(world, pictures, config, folder), state)


def _open(config: TrainConfig, folder: RunFolder, world: World, tell: tuple[_Tell, _Tell]) -> Session:
    if config.batch < 2 * world.size:
        raise ConfigError(
            f"--batch {config.batch} is too small for {world.size} processes: each takes its share of a batch, "
            "and needs 2 pictures at least"
        )
    hardware = choose_hardware(config.device, config.precision, world)
    report, live = tell if world.writes else (_nothing, _nothing)
    return Session(config, folder, hardware, report, live)


def _where(position: dict[str, Any]) -> str:
    steps = len(position["losses"])
    within = f" and {steps} steps" if steps else ""
    return f"resuming after epoch {position['epoch']}{within} of phase {position['phase']}"


def _network(session: Session) -> HornetNet:
    return HornetNet(dropout=session.config.dropout, pooling=session.config.pooling)


def _train(
    session: Session,
    network: HornetNet,
    point: StartingPoint,
    pictures: Pictures,
    state: dict[str, Any] | None,
) -> RunResult:
    config, folder, world = session.config, session.folder, session.hardware.world
    network.to(session.hardware.device, memory_format=torch.channels_last)
    network = world.share_statistics(network)

    def keep(best: dict[str, Tensor]) -> None:
        if world.writes:
            save_weights(folder.weights, best, config)

    def save(checkpoint: dict[str, Any]) -> None:
        save_checkpoint(folder.checkpoint, {**checkpoint, "start": point.to_dict()})

    loss = build_loss(config, pictures.of(TRAIN)[2], session.hardware.device)
    loop = Loop(
        network=network,
        config=config,
        hardware=session.hardware,
        loss=loss,
        labels=pictures.of(VALIDATION)[2],
        metrics=folder.metrics,
        report=session.report,
        live=session.live,
        keep=keep,
        save=save,
        disturb=build_adversary(config, network, session.hardware, loss),
    )
    if state is not None:
        loop.restore(state)
    interrupted = run_phases(session, network, point, pictures, loop)
    if not world.writes:
        return RunResult(folder.path, {}, interrupted, writes=False)
    network.load_state_dict(loop.best)
    calibration = calibrate(network, pictures, session.hardware.exact(), folder, loop.position.best)
    return RunResult(folder.path, calibration, interrupted)
