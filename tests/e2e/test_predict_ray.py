"""``hornet predict --engine ray``: a cluster answers like one process, whatever happens to it."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image
from pyarrow import parquet

from hornet.inference.s3 import Store
from hornet.registry import packed_path

if sys.platform == "win32":
    pytest.skip("signals are others there", allow_module_level=True)

_LONG = 180  # s, for what takes seconds on a machine that isn't busy
_BATCH = 4
_PARTITION = 4


def hornet(*arguments, environment=None, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "hornet", "predict", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | (environment or {}),
        **options,
    )


def done(*arguments, environment=None, **options):
    """Run a command to its end; return exit code, stdout and stderr."""
    process = hornet(*arguments, environment=environment, **options)
    out, err = process.communicate(timeout=_LONG)
    return process.returncode, out.decode(), err.decode()


def of_csv(text):
    """Return rows as Parquet has them."""
    return [
        {
            "path": row["path"],
            "label": row["label"] or None,
            "probability": float(row["probability"]) if row["probability"] else None,
            "error": row["error"] or None,
        }
        for row in csv.DictReader(text.splitlines())
    ]


def of_folder(folder):
    """Return the rows of a folder, in the order in which every reader of Parquet finds them."""
    return parquet.read_table(folder).to_pylist()


def wait(condition, process):
    deadline = time.monotonic() + _LONG
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def below(ancestor):
    """Return the processes that one has started, and those that they have, with their command lines."""
    parents, commands = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            commands[int(folder.name)] = (folder / "cmdline").read_bytes().decode(errors="replace")
    found = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: commands[pid] for pid in found - {ancestor}}


def alive(pids):
    return {pid for pid in pids if Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in _status(pid)}


def _status(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/status").read_text()
    return "\nState:\tZ"


def wait_for_ends(pids):
    deadline = time.monotonic() + _LONG
    while alive(pids):
        assert time.monotonic() < deadline, alive(pids)
        time.sleep(0.1)


@pytest.fixture(scope="module")
def model(make_artifact, tmp_path_factory):
    return make_artifact(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="module")
def cluster(s3_environment):
    """Start a Ray cluster of two CPUs; return its address and what its clients need in their environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short enough for the paths of sockets
    environment = s3_environment | {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled",
        "RAY_worker_niceness": "0",  # else the tests wait for whatever else the machine does
    }
    command = [
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus", "2"),
        *("--node-ip-address", "127.0.0.1", "--port", str(port), "--include-dashboard", "false"),
        *("--disable-usage-stats", "--temp-dir", folder, "--object-store-memory", str(100 * 2**20)),
    ]
    log = Path(folder, "log")
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=os.environ | environment)
    try:
        wait(lambda: b"Ray runtime started" in log.read_bytes(), process)
        yield f"127.0.0.1:{port}", environment
    finally:
        process.terminate()
        process.wait(_LONG)
        shutil.rmtree(folder, ignore_errors=True)


def draw(folder, count):
    """Draw pictures of many sizes and colours, damaged ones and odd names among them."""
    generator = random.Random(8)
    (folder / "é").mkdir()
    for number in range(count):
        name = os.fsdecode(b"\xff" if number % 7 == 3 else b"") + f"{number:03}.png"
        path = folder / ("é" if number % 5 == 0 else "") / name
        colour = tuple(generator.randrange(256) for _ in range(3))
        Image.new("RGB", (generator.randrange(8, 40), 10), colour).save(path, "PNG")
        if number % 9 == 8:
            path.write_bytes(b"damaged")


def test_like_one_process(cluster, model, tmp_path):
    """The rows are those of one process, failures among them, with relative paths, lists and missing files."""
    address, environment = cluster
    (tmp_path / "pics").mkdir()
    draw(tmp_path / "pics", 40)
    (tmp_path / "list.txt").write_text("pics/é/005.png\nnone.jpg\n")
    sources = ["pics", "none.png", "@list.txt", "http://127.0.0.1:9/a.jpg"]
    common = ["--model", model, "--batch", _BATCH, "--threshold", "0.6"]
    code, out, err = done(*sources, *common, "--format", "csv", cwd=tmp_path)
    ray = [*common, "--engine", "ray", "--ray-address", address, "--workers", 2, "--partition-size", 8]
    of_ray = done(*sources, *ray, "-o", "rows", cwd=tmp_path, environment=environment)

    assert 3 == code
    assert (3, "", err) == of_ray
    assert of_csv(out) == of_folder(tmp_path / "rows")
    names = sorted(path.name for path in (tmp_path / "rows").iterdir())
    mark = json.loads((tmp_path / "rows" / "_SUCCESS").read_text())
    assert ["_SUCCESS", "_hornet.json", *(file["name"] for file in mark["files"])] == names
    assert 6 == len(mark["files"])
    # Nothing is computed again: without a cluster, and without a connection to one, all is there at once.
    again = done(*sources, *ray, "-o", "rows", "--resume", "--ray-address", "127.0.0.1:9", cwd=tmp_path)
    assert (3, "", f"going on after 44 answers in rows\n{err}") == again


def test_s3(cluster, bucket, model, tmp_path):
    """Pictures come from an S3 store and rows go there, and they are those of one process and of local files."""
    address, environment = cluster
    (tmp_path / "pics").mkdir()
    draw(tmp_path / "pics", 20)
    store = Store()
    for path in (tmp_path / "pics").rglob("*.png"):
        if "\udcff" not in path.name:  # keys are text
            store.write(f"{bucket}/{path.relative_to(tmp_path).as_posix()}", path.read_bytes())
    common = [f"{bucket}/pics", f"{bucket}/none.png", "--model", model, "--batch", _BATCH]
    code, out, err = done(*common, "--format", "csv")
    ray = ["--engine", "ray", "--ray-address", address, "--partition-size", 4, "-o", f"{bucket}/rows"]

    assert (3, "", err) == done(*common, *ray, environment=environment)
    names = store.names(f"{bucket}/rows")
    assert ["_SUCCESS", "_hornet.json"] == names[:2]
    copy = tmp_path / "rows"
    copy.mkdir()
    for name in names:
        (copy / name).write_bytes(store.read(f"{bucket}/rows/{name}"))
    rows = of_folder(copy)
    assert (3, 18) == (code, len(rows))
    assert of_csv(out) == rows
    assert f"{bucket}/none.png" == rows[-1]["path"]
    assert "missing: no such object" == rows[-1]["error"]
    _, out, _ = done("pics", *common[2:], "--format", "csv", cwd=tmp_path)
    local = [row for row in of_csv(out) if "\\udcff" not in row["path"]]
    assert [{**row, "path": f"{bucket}/{row['path']}"} for row in local] == rows[:-1]


@pytest.mark.realdata
def test_real_pictures(cluster, real_data, tmp_path):
    """On real pictures and with the packed model the rows are those of one process, to the last digit."""
    address, environment = cluster
    with real_data.open(encoding="utf-8") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    chosen = random.Random(8).sample(paths, 96)
    (tmp_path / "list.txt").write_text("\n".join(chosen))
    common = [f"@{tmp_path / 'list.txt'}", "--model", packed_path(), "--batch", 16]
    code, out, _ = done(*common, "--format", "csv", cwd=real_data.parent)
    ray = ["--engine", "ray", "--ray-address", address, "--workers", 2, "--partition-size", 32]
    of_ray, _, err = done(
        *common, *ray, "-o", tmp_path / "rows", cwd=real_data.parent, environment=environment
    )

    assert (0, 0) == (code, of_ray), err
    assert 96 == len(of_csv(out))
    assert of_csv(out) == of_folder(tmp_path / "rows")


class Gate:
    """Serves pictures on loopback, but only those of so many partitions until it is opened.

    Which ones is decided by who asks first: a cluster that is busy doesn't keep their order.
    """

    def __init__(self, folder):
        self.open = threading.Event()
        self.limit = 0
        self.asked: list[str] = []
        self.held: list[str] = []
        self._let_in: set[int] = set()
        self._lock = threading.Lock()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.lstrip("/")
                gate.asked.append(name)
                data = (folder / name).read_bytes()
                with contextlib.suppress(OSError):  # whoever asked may be dead
                    self.send_response(200)
                    if not gate.lets_in(name):
                        self.wait()
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            def wait(self):
                """Say something now and then: a server that is silent for long is given up."""
                deadline = time.monotonic() + _LONG
                while not gate.open.wait(5) and time.monotonic() < deadline:
                    self.send_header("X-Wait", "1")
                    self.flush_headers()

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def lets_in(self, name):
        """Tell whether a picture is sent now."""
        with self._lock:
            partition = int(name[:3]) // _PARTITION
            if len(self._let_in) < self.limit:
                self._let_in.add(partition)
            if partition in self._let_in:
                return True
            self.held.append(name)
            return False

    def addresses(self, count):
        """Return the addresses of the first pictures."""
        return [f"http://127.0.0.1:{self.server.server_port}/{number:03}.png" for number in range(count)]


def test_whatever_ends(model, tmp_path):
    """After kill -9 of everything's parent, a worker's death and SIGTERM, the rows are those of one process.

    Nothing but the partitions at work is computed again, no process is left, and no file of half a partition.
    """
    pics = tmp_path / "pics"
    pics.mkdir()
    for number in range(24):
        Image.new("RGB", (20, 10), (10 * number, 50, 120)).save(pics / f"{number:03}.png", "PNG")
    gate = Gate(pics)
    common = [*gate.addresses(24), "--model", model, "--batch", 2]
    rows = tmp_path / "rows"
    ray = [*common, "--engine", "ray", "--workers", 2, "--partition-size", _PARTITION, "-o", rows]

    def parts():
        return sorted(path.name for path in rows.glob("part-*")) if rows.exists() else []

    # Two partitions can be finished; then the gate holds both workers.
    gate.limit = 2
    process = hornet(*ray)
    wait(lambda: len(parts()) == 2 and gate.held, process)
    started = below(process.pid)
    process.kill()
    process.communicate()
    # What serves the workers may take a while longer.
    wait_for_ends({pid for pid, command in started.items() if command.startswith("ray::MapWorker")})
    assert 2 == len(parts())
    assert not (rows / "_SUCCESS").exists()

    # It goes on with a third one; workers die and are replaced, then the run is asked to end.
    gate.limit, gate.held = 3, []
    process = hornet(*ray, "--resume")
    wait(lambda: len(parts()) == 3 and gate.held, process)
    workers = {pid for pid, command in below(process.pid).items() if command.startswith("ray::MapWorker")}
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    gate.asked = []
    wait(lambda: gate.asked, process)
    gate.asked = []
    started = below(process.pid)
    process.terminate()
    _, err = process.communicate(timeout=_LONG)
    assert 128 + signal.SIGTERM == process.returncode
    assert (
        f"going on after 8 answers in {rows}\n"
        f"hornet: finished partitions are kept in {rows}; the same command with --resume goes on\n"
    ) == err.decode()
    wait_for_ends(started)

    gate.open.set()
    gate.asked = []
    code, _, err = done(*ray, "--resume")
    assert (0, 24 - 12) == (code, len(gate.asked)), err
    code, out, _ = done(*common, "--format", "csv")
    assert 0 == code
    assert of_csv(out) == of_folder(rows)
    assert ["_SUCCESS", "_hornet.json", *parts()] == sorted(path.name for path in rows.iterdir())
    gate.server.shutdown()
    gate.server.server_close()
