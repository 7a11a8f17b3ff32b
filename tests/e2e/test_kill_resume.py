"""A run that is stopped again and again ends with the bits of one that wasn't."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

from hornet.dataset.drawings import write_dataset
from hornet.training.network import HornetNet

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked from a warm process"),
]

# Importing torch takes longer than these runs. So one process imports everything, computes nothing, and
# forks a child a command, which does what ``python -m hornet`` does.
_WARM = """
import os, runpy, sys
import albumentations, safetensors.torch, sklearn.metrics, tomli_w, hornet.training.run, hornet.cli.train
for line in sys.stdin:
    arguments = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if child == 0:
        log = os.open(arguments[0], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 2)
        os.dup2(log, 1)
        sys.argv = ["hornet", *arguments[1:]]
        try:
            runpy.run_module("hornet", run_name="__main__")
        except SystemExit as end:
            os._exit(end.code or 0)
        os._exit(70)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

_CALIBRATED = ("weights.safetensors", "calibration.json", "predictions.csv")


class Warm:
    """Starts commands in children; one at a time."""

    def __init__(self, folder):
        self.log = folder / "log.txt"
        environment = {**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1", "OMP_NUM_THREADS": "1"}
        self.server = subprocess.Popen(
            [sys.executable, "-c", _WARM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def start(self, *arguments):
        """Start a command; return its process id."""
        assert self.server.stdin
        assert self.server.stdout
        self.log.unlink(missing_ok=True)
        self.server.stdin.write("\t".join(map(str, (self.log, *arguments))) + "\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline())

    def wait(self):
        """Return the exit code of the command, negative for a signal."""
        assert self.server.stdout
        return int(self.server.stdout.readline())

    def said(self):
        """Return what the command wrote."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """Return a process that has everything imported."""
    warm = Warm(tmp_path_factory.mktemp("warm"))
    yield warm
    assert warm.server.stdin
    assert warm.server.stdout
    warm.server.stdin.close()
    warm.server.wait(timeout=60)
    warm.server.stdout.close()


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """Return the arguments of a small run with both phases, dropout, augmentation and batch statistics."""
    folder = tmp_path_factory.mktemp("data")
    write_dataset(folder / "pictures", 12, size=(60, 48))
    torch.manual_seed(5)
    state = HornetNet().state_dict()
    # Phase one trains a whole stage with batch normalisation, so that its statistics count, too.
    kept = {
        name: tensor for name, tensor in state.items() if not name.startswith(("fc.", "layer3.", "layer4."))
    }
    save_file(kept, folder / "start.safetensors")
    return (
        "train", folder / "pictures", "--weights", folder / "start.safetensors", "--size", "32x32", "--batch", "5",
        "--head-epochs", "2", "--epochs", "2", "--patience", "9", "--threads", "1", "--workers", "0", "--no-export",
        "--checkpoint-minutes", "0.005",
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(warm, command, tmp_path_factory):
    """Return the folder of a run that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    subprocess.run([sys.executable, "-m", "hornet", *map(str, command), "--out", str(out)], check=True)
    return out


def _rows(run, phase):
    try:
        with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
            return sum(row.get("phase") == phase for row in csv.DictReader(file))
    except FileNotFoundError:
        return 0


def _half_written(run):
    return list((run / "checkpoint").glob(".*.tmp"))


#: What is waited for before a moment is drawn, by name.
_MOMENTS = {
    "before the first checkpoint": lambda run: (run / "cache").exists(),
    "in phase one": lambda run: (run / "checkpoint" / "last.pt").exists() and _rows(run, "head") >= 1,
    "while phase one's checkpoint is written": _half_written,
    "Ctrl-C in phase two": lambda run: _rows(run, "head") >= 2 and (run / "checkpoint" / "fresh.pt").exists(),
    "while phase two's checkpoint is written": lambda run: _rows(run, "full") >= 1 and _half_written(run),
    "in phase two": lambda run: _rows(run, "full") >= 1,
}


def _stop_at(warm, run, moment, delay, arguments):
    """Start a command and stop it ``delay`` seconds after ``moment``; return its exit code."""
    child = warm.start(*arguments)
    deadline = time.monotonic() + 60
    while not _MOMENTS[moment](run):
        assert time.monotonic() < deadline, warm.said()
        time.sleep(0.0005)
    time.sleep(delay)
    os.kill(child, signal.SIGINT if "Ctrl-C" in moment else signal.SIGKILL)
    return warm.wait()


def assert_same_bits(whole, run):
    """Every tensor, and the files that follow from them, to the byte."""
    tensors = load_file(whole / "weights.safetensors"), load_file(run / "weights.safetensors")
    assert tensors[0].keys() == tensors[1].keys()
    assert [] == [name for name in tensors[0] if not torch.equal(tensors[0][name], tensors[1][name])]
    for name in _CALIBRATED:
        assert (whole / name).read_bytes() == (run / name).read_bytes(), name


def test_stopped_at_random_moments_it_ends_with_the_same_bits(warm, command, whole, tmp_path):
    """One run, killed before its first checkpoint, in both phases and while checkpoints are written."""
    seed = int(os.environ.get("HORNET_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    draw = random.Random(seed)
    run = tmp_path / "run"
    arguments = (*command, "--out", run)
    half_written, said = 0, []
    for moment in _MOMENTS:
        # The temporary file of a checkpoint lives for some hundredths of a second.
        delay = draw.uniform(0, 0.02 if "writ" in moment or "before" in moment else 0.2)
        code = _stop_at(warm, run, moment, delay, arguments)
        sys.stdout.write(
            f"HORNET_KILL_SEED={seed}: {moment} + {delay:.4f} s: exit code {code}\n{warm.said()}\n"
        )
        said.append(warm.said())
        if "Ctrl-C" in moment:
            assert 1 == code
            assert "interrupted: keeping the best weights so far" in warm.said()
            assert json.loads((run / "calibration.json").read_text(encoding="utf-8"))["best"]["epoch"] >= 1
        else:
            assert -signal.SIGKILL == code
        half_written += bool(_half_written(run))
        arguments = ("train", "--resume", run, "--no-export")
    warm.start(*arguments)

    assert 0 == warm.wait(), warm.said()
    assert "no checkpoint yet: beginning anew" in said[1]
    assert "resuming after epoch" in warm.said()
    assert half_written >= 1
    assert_same_bits(whole, run)
    assert not _half_written(run)
    assert {entry.name for entry in whole.iterdir()} == {entry.name for entry in run.iterdir()}


def test_a_damaged_checkpoint_costs_no_more_than_the_way_from_the_one_before(warm, whole, tmp_path):
    """The one before is taken, which is said, and the end is the same."""
    run = tmp_path / "run"
    run.mkdir()
    for entry in ("config.toml", "manifest.csv", "metrics.csv"):
        (run / entry).write_bytes((whole / entry).read_bytes())
    (run / "checkpoint").mkdir()
    last, previous = ((whole / "checkpoint" / name).read_bytes() for name in ("last.pt", "previous.pt"))
    (run / "checkpoint" / "last.pt").write_bytes(last[: len(last) // 2])
    (run / "checkpoint" / "previous.pt").write_bytes(previous)
    warm.start("train", "--resume", run, "--no-export")

    assert 0 == warm.wait(), warm.said()
    assert "last.pt is damaged: falling back to previous.pt" in warm.said()
    assert_same_bits(whole, run)
