"""The service under load, against the classifier alone and against a naive server, in one run.

Measured, each as a ratio of what the same machine did a moment before or after:

- pictures a second at 16 clients, against ``Classifier.predict_many`` alone on the same pictures;
- the same, against a naive server: FastAPI, an eager torchvision ResNet-18 in float32, one picture a request
  (an ``async def`` and a ``def`` route; the faster one counts);
- latency at 80 % of that load, arrivals at random (Poisson): 99th percentile against median;
- at four times the load: which statuses, how memory grows, and the speed from two seconds after it on.

Where other programs run, "by CPU time" says more: pictures for each CPU second of the process.

The load comes from a process of its own, the servers are processes of their own, pictures are drawn.

    python benchmarks/serving.py --seconds 6 --repeats 3
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from PIL import Image

import hornet
from hornet.dataset.drawings import draw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

_CLIENTS = 16
_SIZE = (800, 600)
_PICTURES = 32


def draw_pictures(folder: Path) -> None:
    """Write drawn JPEGs with the grain of a photograph."""
    for index in range(_PICTURES):
        picture = np.asarray(draw(("leaves", "hornet")[index % 2], seed=index, size=_SIZE), np.int16)
        grain = np.random.default_rng(index).integers(-12, 13, picture.shape[:2], np.int16)[..., None]
        file = folder / f"{index:02d}.jpg"
        Image.fromarray(np.clip(picture + grain, 0, 255).astype(np.uint8)).save(file, quality=88)


# --- the load, in a process of its own --------------------------------------------------------------


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    """Send one request on an open connection and return the status."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


@contextlib.asynccontextmanager
async def _connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


def _requests(folder: Path) -> list[bytes]:
    found = []
    for file in sorted(folder.glob("*.jpg")):
        data = file.read_bytes()
        head = f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        found.append(head.encode() + data)
    return found


async def closed_load(port: int, requests: list[bytes], clients: int, seconds: float) -> dict[str, Any]:
    """Let clients ask, each as soon as it has its answer; the first fifth of the time isn't counted."""
    begin = time.monotonic() + seconds / 5
    end = begin + seconds
    done: list[tuple[float, int]] = []

    async def client(number: int) -> None:
        async with _connection(port) as (reader, writer):
            at = number
            while time.monotonic() < end:
                status = await _ask(reader, writer, requests[at % len(requests)])
                done.append((time.monotonic(), status))
                at += clients

    await asyncio.gather(*(client(number) for number in range(clients)))
    counted = [status for moment, status in done if begin <= moment < end]
    return {
        "a_second": counted.count(200) / seconds,
        "answered": len(done),
        "statuses": dict(Counter(map(str, counted))),
        "own_cpu": time.process_time(),
    }


async def open_load(port: int, requests: list[bytes], rate: float, seconds: float) -> dict[str, Any]:
    """Ask at a given rate, at random moments, whether answers come or not."""
    clock = random.Random(0)  # noqa: S311 - arrivals, no secrets
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    answered: list[tuple[float, int]] = []

    in_time = 0

    async def one(request: bytes, due: float) -> None:
        nonlocal in_time
        stream = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        try:
            status = await _ask(*stream, request)
        except (OSError, asyncio.IncompleteReadError):
            answered.append((0.0, 0))
            return
        in_time += status == 200 and time.monotonic() < end  # noqa: PLR2004
        answered.append((time.monotonic() - due, status))
        idle.append(stream)

    end = time.monotonic() + seconds
    due = time.monotonic()
    tasks: list[asyncio.Task[None]] = []
    while due < end:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        tasks.append(asyncio.create_task(one(requests[len(tasks) % len(requests)], due)))
        due += clock.expovariate(rate)
    await asyncio.gather(*tasks)
    for _, writer in idle:
        writer.close()
    good = sorted(late for late, status in answered if status == 200)  # noqa: PLR2004
    return {
        "answered": len(answered),
        "a_second": in_time / seconds,
        "statuses": dict(Counter(str(status) for _, status in answered)),
        "p50_ms": 1000 * good[len(good) // 2] if good else None,
        "p99_ms": 1000 * good[int(len(good) * 0.99)] if good else None,
        "own_cpu": time.process_time(),
    }


def load(port: int, folder: Path, **kind: float) -> dict[str, Any]:
    """Run a load in another process, and return what it saw."""
    words = [f"{name}={value}" for name, value in kind.items()]
    command = [sys.executable, __file__, "--load", str(port), str(folder), *words]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _load_process(port: int, folder: Path, words: list[str]) -> None:
    kind = {name: float(value) for name, _, value in (word.partition("=") for word in words)}
    requests = _requests(folder)
    if "clients" in kind:
        result = asyncio.run(closed_load(port, requests, int(kind["clients"]), kind["seconds"]))
    else:
        result = asyncio.run(open_load(port, requests, kind["rate"], kind["seconds"]))
    print(json.dumps(result))


# --- the servers -----------------------------------------------------------------------------------


def naive_app(style: str) -> FastAPI:
    """Return the server that a tutorial would write."""
    # The load's process doesn't wait for it.
    torch, models = import_module("torch"), import_module("torchvision.models")
    transforms = import_module("torchvision.transforms")
    model = models.resnet18(num_classes=2).eval()
    prepare = transforms.Compose(
        [
            transforms.Resize((224, 224)),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    app = FastAPI()

    def answer(body: bytes) -> dict[str, float]:
        picture = prepare(Image.open(io.BytesIO(body)).convert("RGB"))[None]
        with torch.no_grad():
            return {"probability": float(model(picture).softmax(1)[0, 1])}

    async def blocking(request: Request) -> dict[str, float]:
        return answer(await request.body())

    async def threaded(request: Request) -> dict[str, float]:
        return await asyncio.to_thread(answer, await request.body())

    route = {"async": blocking, "thread": threaded}[style]
    # Annotations are strings here, and FastAPI would look for their names among the module's.
    route.__annotations__ = {"request": Request}
    app.post("/predict")(route)
    return app


def _naive_process(style: str) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(naive_app(style), log_level="error")).run(sockets=[listening])


@contextlib.contextmanager
def server(*command: str) -> Iterator[tuple[int, int]]:
    """Run a server; yields its port and process id."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, stderr=log, encoding="utf-8"
        )
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2])
            yield port, process.pid
        finally:
            process.terminate()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _alone_process(folder: Path, seconds: float) -> None:
    classifier = hornet.load()
    pictures = [file.read_bytes() for file in sorted(folder.glob("*.jpg"))]
    classifier.predict_batch(pictures)
    began, cpu, count = time.monotonic(), time.process_time(), 0
    while time.monotonic() - began < seconds:
        # One long stream, as predict_many is meant to be used.
        count += sum(1 for _ in classifier.predict_many(pictures * 4))
    each = (time.process_time() - cpu) / count
    print(json.dumps({"a_second": count / (time.monotonic() - began), "cpu_each": each}))


def alone(folder: Path, seconds: float) -> dict[str, float]:
    """Return pictures a second, and CPU seconds for each, of the classifier in a process of its own."""
    command = [sys.executable, __file__, "--alone", str(folder), str(seconds)]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def resident(process: int) -> int:
    """Return a process's resident memory, MiB (Linux)."""
    text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(text.partition("VmRSS:")[2].split()[0]) // 1024


# --- the comparison --------------------------------------------------------------------------------


def cpu_seconds(process: int) -> float:
    """Return the CPU time that a process has used (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def machine_seconds() -> float:
    """Return the CPU time that all programs together, and other guests of the same host, have used (Linux)."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split(maxsplit=9)[1:9]
    times = [int(field) for field in fields]
    idle, waiting = times[3:5]
    return float(sum(times) - idle - waiting) / os.sysconf("SC_CLK_TCK")


def measured(port: int, process: int, folder: Path, **kind: float) -> dict[str, Any]:
    """Run a load; also return CPU seconds of the server for each answer, and the share of all CPUs that went elsewhere."""
    began, ours, everybodys = time.monotonic(), cpu_seconds(process), machine_seconds()
    found = load(port, folder, **kind)
    ours, everybodys = cpu_seconds(process) - ours, machine_seconds() - everybodys
    others = everybodys - ours - found.pop("own_cpu")
    # Of a closed load the first fifth is worked for, and not counted in its speed.
    found["cpu_each"] = ours / max(1, found["answered"])
    found["elsewhere"] = max(0.0, others) / (time.monotonic() - began) / (os.cpu_count() or 1)
    return found


def compare(folder: Path, seconds: float, repeats: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Run everything; in each round one after the other, so that a busy machine slows all of them."""
    rounds: dict[str, list[dict[str, Any]]] = {}
    with (
        server("-m", "hornet", "serve", "--port", "0") as ours,
        server(__file__, "--naive", "async") as blocking,
        server(__file__, "--naive", "thread") as threaded,
    ):
        servers = {"ours": ours, "naive, async": blocking, "naive, thread": threaded}
        for port, _ in servers.values():
            load(port, folder, clients=_CLIENTS, seconds=1)  # warm
        for _ in range(repeats):
            found = {"alone": alone(folder, seconds)}
            for name, place in servers.items():
                found[name] = measured(*place, folder, clients=_CLIENTS, seconds=seconds)
            for name, values in found.items():
                rounds.setdefault(name, []).append(values)
            say(str(found))
        full = statistics.median(values["a_second"] for values in rounds["ours"])
        # One pause of some other program makes a hundredth of the answers late: the run that others disturbed
        # least counts, chosen by their CPU time and not by its latency.
        eased = [measured(*ours, folder, rate=0.8 * full, seconds=4 * seconds) for _ in range(repeats)]
        say(f"at 80 %: {eased}")
        memory, overloads = [resident(ours[1])], []
        for _ in range(3):
            overloads.append(measured(*ours, folder, rate=4 * full, seconds=seconds))
            memory.append(resident(ours[1]))
        time.sleep(2)
        recovered = measured(*ours, folder, clients=_CLIENTS, seconds=seconds)
        say(f"at 400 %: {overloads}, MiB {memory}; two seconds later {recovered}")

    def ratio(other: str, key: str) -> float:
        """Return ours over another's, of speed, as the median over the rounds."""
        pairs = zip(rounds["ours"], rounds[other], strict=True)
        ratios = (mine[key] / its[key] if key == "a_second" else its[key] / mine[key] for mine, its in pairs)
        return float(statistics.median(ratios))

    quietest = min(eased, key=lambda one: one["elsewhere"])
    return {
        "load_average": os.getloadavg()[0],
        "rounds": rounds,
        "speed_against": {name: ratio(name, "a_second") for name in rounds if name != "ours"},
        "speed_by_cpu_time_against": {name: ratio(name, "cpu_each") for name in rounds if name != "ours"},
        "p99_to_p50_at_80_percent": quietest["p99_ms"] / quietest["p50_ms"],
        "at_80_percent": eased,
        "overload": overloads,
        "memory_mib": memory,
        "recovered": recovered["a_second"] / full,
        "after_overload": recovered,
    }


def main() -> None:
    """Read the arguments, run, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=6.0, help="length of each measurement")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--load", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--naive", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        _load_process(int(arguments.load[0]), Path(arguments.load[1]), arguments.load[2:])
    elif arguments.alone:
        _alone_process(Path(arguments.alone[0]), float(arguments.alone[1]))
    elif arguments.naive:
        _naive_process(arguments.naive)
    else:
        with tempfile.TemporaryDirectory() as folder:
            draw_pictures(Path(folder))
            result = compare(
                Path(folder), arguments.seconds, arguments.repeats, lambda text: print(text, file=sys.stderr)
            )
        print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
