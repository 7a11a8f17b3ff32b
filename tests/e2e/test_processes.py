"""Two processes train what one trains."""

from __future__ import annotations

import contextlib
import csv
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from hornet.dataset import load_dataset
from hornet.dataset.drawings import write_dataset
from hornet.errors import ConfigError
from hornet.training.config import TrainConfig, save_config
from hornet.training.data import EpochBatches
from hornet.training.distributed import World
from hornet.training.network import HornetNet
from hornet.training.run import train_run

pytestmark = pytest.mark.slow


def _torchrun(folder, *arguments):
    """Start ``hornet train`` in two processes."""
    command = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    return subprocess.Popen(
        [*command, "-m", "hornet", "train", *map(str, arguments), "--no-export"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NO_ALBUMENTATIONS_UPDATE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _rank(launcher, rank):
    """Return the process id of a rank."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (
                (process / "stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()[1]
            )
            if int(parent) == launcher and f"\0RANK={rank}\0".encode() in (process / "environ").read_bytes():
                return int(process.name)
    raise LookupError(rank)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """Return the settings of a small run with frozen batch statistics and without dropout."""
    folder = tmp_path_factory.mktemp("data")
    write_dataset(folder / "pictures", 20, size=(60, 48))
    torch.manual_seed(5)
    network = HornetNet()
    # Statistics that differ from those of a fresh network, as loaded ones do.
    network.train()(torch.randn(8, 3, 64, 64))
    # Phase one trains a block's convolutions, too.
    kept = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if not name.startswith("fc.") and not name.startswith("layer4.1.conv")
    }
    save_file(kept, folder / "start.safetensors")
    # 7 pictures a step: one process gets 3, the other 4. The classes' weights make the shares differ further.
    return TrainConfig(
        data=folder / "pictures",
        weights=str(folder / "start.safetensors"),
        size=(32, 32),
        batch=7,
        head_epochs=2,
        epochs=2,
        patience=9,
        threads=1,
        workers=0,
        dropout=0,
        freeze_bn=True,
        class_weights="balanced",
        checkpoint_minutes=0.02,
    )


def _curve(run):
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [(row["phase"], row["epoch"]) for row in rows], np.array(
        [[float(row[name]) for name in ("train_loss", "validation_loss", "lr")] for row in rows]
    )


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="a rank is found by its environment")
def test_two_processes_give_the_loss_curve_of_one(settings, tmp_path):
    """The same global batches; one of them killed, both end at once; resumed; one writer, one voice."""
    alone, run = tmp_path / "alone", tmp_path / "run"
    save_config(settings, tmp_path / "settings.toml")
    first = _torchrun(tmp_path, settings.data, "--config", "settings.toml", "--out", run)
    train_run(settings, load_dataset(settings.data), alone)
    deadline = time.monotonic() + 120
    while not (run / "checkpoint" / "last.pt").exists():
        assert time.monotonic() < deadline, first.communicate()[0]
        time.sleep(0.005)
    os.kill(_rank(first.pid, 1), signal.SIGKILL)
    first.communicate(timeout=60)
    assert 0 != first.returncode
    resumed = _torchrun(tmp_path, "--resume", run)
    said, _ = resumed.communicate(timeout=180)
    epochs, curve = _curve(run)

    assert 0 == resumed.returncode, said
    assert "cpu, float32, 2 processes" in said
    assert 1 == said.count("resuming after epoch")
    assert 1 == said.count("validation: AUC")
    assert [("head", "1"), ("head", "2"), ("full", "1"), ("full", "2")] == epochs
    np.testing.assert_allclose(curve, _curve(alone)[1], atol=1e-4)
    one, two = (load_file(folder / "weights.safetensors") for folder in (alone, run))
    assert max((one[name].float() - two[name].float()).abs().max().item() for name in one) < 1e-3
    assert {entry.name for entry in alone.iterdir()} == {entry.name for entry in run.iterdir()}


def test_a_batch_is_cut_by_place():
    """The processes' shares put together are the batch of one process, in every epoch and for any number."""
    whole = EpochBatches(50, 7, seed=3, draw=None)
    for size in (2, 3):
        shares = [EpochBatches(50, 7, 3, None, World(rank, size)) for rank in range(size)]
        for batches in (whole, *shares):
            batches.epoch = 4
        together = [list(itertools.chain(*parts)) for parts in zip(*shares, strict=True)]

        assert list(whole) == together
        assert {len(whole)} == {len(share) for share in shares}


def test_more_processes_than_a_batch_can_feed_is_an_error(settings, tmp_path, monkeypatch):
    """Batch normalisation needs two pictures in each."""
    monkeypatch.setattr("hornet.training.run.open_world", lambda _: contextlib.nullcontext(World(0, 4)))

    with pytest.raises(ConfigError, match="too small for 4 processes"):
        train_run(settings, load_dataset(settings.data), tmp_path / "run")
