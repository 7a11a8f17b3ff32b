"""``hornet predict`` stopped by signals and full disks, and going on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

if sys.platform == "win32":
    pytest.skip("signals and limits are others there", allow_module_level=True)

COUNT = 60
BATCH = 4
_REACHED = 5000  # bytes of a journal


@pytest.fixture(scope="module")
def model(make_artifact, tmp_path_factory):
    return make_artifact(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Return pictures in the order of a scan, separated as for -0; damaged ones and odd names among them."""
    folder = tmp_path_factory.mktemp("pics")
    (folder / "é").mkdir()
    for number in range(COUNT):
        name = "é/\n".encode() if number % 7 == 0 else b"\xff" if number % 7 == 1 else b""
        path = folder / os.fsdecode(name + b"%03d.png" % number)
        Image.new("RGB", (20, 10), (4 * number, 50, 120)).save(path, "PNG")
        if number % 10 == 9:
            path.write_bytes(b"damaged")
    return [os.fsencode(path) + b"\0" for path in sorted(folder.rglob("*.png"))]


def start(model, folder, *arguments, form="csv", **options):
    """Start a run that reads paths from a pipe, so that it can't end before it is stopped."""
    command = [
        "-m",
        "hornet",
        "predict",
        "-",
        "-0",
        "--model",
        model,
        "--batch",
        BATCH,
        "-o",
        folder / f"rows.{form}",
    ]
    begin = options.get("preexec_fn", lambda: None)
    options["preexec_fn"] = lambda: (_few_cpus(), begin())
    return subprocess.Popen(
        [sys.executable, *map(str, command), *arguments],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def _few_cpus():
    """Use two CPUs at most: as many batches as there are, twice, wait for the last path."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def whole(model, paths, tmp_path_factory):
    """Return the outputs of runs that nobody stopped, by format."""
    folder = tmp_path_factory.mktemp("whole")
    for form in ("csv", "parquet"):
        process = start(model, folder, form=form)
        _, err = process.communicate(b"".join(paths))
        assert (3, True) == (process.returncode, b"6 failed" in err)
    return {form: (folder / f"rows.{form}").read_bytes() for form in ("csv", "parquet")}


def stop_after(process, paths, journal, size, number):
    """Give a run some paths, and stop it when it has opened its journal, and that has a size."""
    assert process.stdin
    assert process.stderr
    process.stdin.write(b"".join(paths))
    process.stdin.flush()
    # A run that goes on says so first; from then on signals are handled.
    told = process.stderr.readline() if journal.exists() else b""
    deadline = time.monotonic() + 60
    while not journal.exists() or journal.stat().st_size < size:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.0005)
    process.send_signal(number)
    _, err = process.communicate()
    return (told + err).decode()


#: Signals that end the sessions of one run, by its format.
STOPS = {
    "csv": [signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT],
    "parquet": [signal.SIGKILL],
}


@pytest.mark.parametrize("form", STOPS)
def test_stopped_at_random(model, paths, whole, tmp_path, form):
    """Killed, terminated or interrupted wherever it is, again and again: at the end the same bytes.

    Meanwhile the output of before stays, and a signal that can be handled leaves nothing but the journal.
    """
    seed = int(os.environ.get("HORNET_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    draw = random.Random(seed)
    output = tmp_path / f"rows.{form}"
    output.write_bytes(b"of before")
    journal = tmp_path / f"rows.{form}.journal"
    size = 1000
    for number in STOPS[form]:
        process = start(model, tmp_path, "--resume", form=form)
        # A few batches wait for the last path: the journal surely gets this long, and not much longer.
        size = min(size + draw.randint(100, 2000), _REACHED)
        err = stop_after(process, paths[:-1], journal, size, number)
        sys.stdout.write(f"HORNET_KILL_SEED={seed}: {number!r} at {journal.stat().st_size} bytes: {err}\n")
        size = journal.stat().st_size

        assert b"of before" == output.read_bytes()
        assert "Traceback" not in err
        if number == signal.SIGKILL:
            assert -number == process.returncode
            assert set(names(tmp_path)) <= {output.name, journal.name, f"{output.name}.hornet-part"}
        else:
            assert 128 + number == process.returncode
            assert f"answers are kept in {journal}; the same command goes on from there" in err
            assert [output.name, journal.name] == names(tmp_path)
    process = start(model, tmp_path, "--resume", form=form)
    _, told = process.communicate(b"".join(paths))

    assert (3, True) == (process.returncode, b"going on after" in told)
    assert [output.name] == names(tmp_path)
    assert whole[form] == output.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_no_litter_without_a_journal(model, paths, tmp_path, number):
    """Without --resume, too, a signal leaves no hidden file."""
    # Whoever runs the tests under nohup has SIGHUP ignored, which is inherited.
    process = start(model, tmp_path, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
    assert process.stdin
    process.stdin.write(b"".join(paths[:-1]))
    process.stdin.flush()
    while not any(path.stat().st_size > 100 for path in tmp_path.iterdir()):
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(number)
    _, err = process.communicate()

    assert (128 + number, b"", []) == (process.returncode, err, names(tmp_path))


def test_full_disk(model, paths, whole, tmp_path):
    """A full disk is one sentence; what was done is kept; with room it goes on to the same bytes."""
    import resource

    def little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    process = start(model, tmp_path, "--resume", preexec_fn=little_room)
    _, err = process.communicate(b"".join(paths))

    assert 1 == process.returncode
    assert b"can't write" in err
    assert b"File too large" in err
    assert b"Traceback" not in err
    assert ["rows.csv.journal"] == names(tmp_path)
    process = start(model, tmp_path, "--resume")
    _, err = process.communicate(b"".join(paths))
    assert b"going on after" in err
    assert whole["csv"] == (tmp_path / "rows.csv").read_bytes()
