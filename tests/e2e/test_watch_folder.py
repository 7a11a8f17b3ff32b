"""``hornet watch`` in a process of its own: arrivals, alarms, kills, a webhook that fails, hangs and recovers."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from PIL import Image

from hornet.inference.watch.store import Store

if sys.platform == "win32":
    pytest.skip("signals are others there", allow_module_level=True)

LIMIT = 120  # s, for whatever is waited for
RED, BLUE = (250, 10, 10), (10, 10, 250)


class Hook(ThreadingHTTPServer):
    """A webhook that fails, hangs, then takes."""

    daemon_threads = True

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.mode: Any = 200
        self.tries: list[tuple[Any, str]] = []
        self.taken: list[tuple[str, bytes]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mode, name = self.server.mode, self.headers["Idempotency-Key"]
        self.server.tries.append((mode, name))
        if mode == "hang":
            time.sleep(60)
            return
        if mode == 200:
            self.server.taken.append((name, body))
        self.send_response(mode)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hook():
    server = Hook()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def model(make_artifact, tmp_path_factory):
    return make_artifact(tmp_path_factory.mktemp("model") / "tiny.onnx")


class Watch:
    """Runs ``hornet watch`` on ``in`` and remembers what was asked for, so that it can be run again."""

    def __init__(self, folder, model, *options):
        self.folder, self.top = folder, folder / "in"
        self.top.mkdir(exist_ok=True)
        self.command = [
            sys.executable,
            "-m",
            "hornet",
            "watch",
            "in",
            "--model",
            str(model),
            "--state",
            "state",
        ]
        self.command += ["--settle", "200ms", "-o", "rows.jsonl", "--alarms", "alarms.jsonl", *options]
        self.process: Any = None
        self.before = 0

    def start(self, *options, **environment):
        """Start a process."""
        self.before = len(self.said())
        with (self.folder / "err").open("ab") as err, (self.folder / "out").open("ab") as out:
            self.process = subprocess.Popen(
                [*self.command, *options],
                cwd=self.folder,
                stdout=out,
                stderr=err,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment,
            )
        return self

    def until(self, condition):
        """Wait until something is so, as long as the process runs."""
        deadline = time.monotonic() + LIMIT
        while not condition():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)
        return self

    def until_said(self, text, times=1):
        """Wait until something was said."""
        return self.until(lambda: self.said().count(text) >= times)

    def ready(self):
        """Wait until the last process that was started says that it watches."""
        return self.until(lambda: "watching" in self.said()[self.before :])

    def said(self):
        """Return what was said so far, by all processes."""
        path = self.folder / "err"
        return path.read_text() if path.exists() else ""

    def lines(self, name):
        """Return a file's objects."""
        path = self.folder / name
        lines = path.read_bytes().split(b"\n") if path.exists() else [b""]
        # What follows the last newline isn't a line yet.
        return [json.loads(line) for line in lines[:-1]]

    def rows(self):
        """Return paths and verdicts."""
        return [(os.path.relpath(row["path"], "in"), row["label"]) for row in self.lines("rows.jsonl")]

    def alarms(self):
        """Return the paths of alarms."""
        return [os.path.relpath(alarm["path"], "in") for alarm in self.lines("alarms.jsonl")]

    def stop(self, number=signal.SIGTERM):
        """Send a signal; return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(LIMIT)


@pytest.fixture
def make(tmp_path, model):
    made = []

    def make_watch(*options):
        made.append(Watch(tmp_path, model, *options))
        return made[-1]

    yield make_watch
    for watch in made:
        if watch.process is not None and watch.process.poll() is None:
            watch.process.kill()
            watch.process.wait()


def picture(path, colour=RED, size=(40, 30)):
    """Put a picture in its place at once, as a camera does that renames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    Image.new("RGB", size, colour).save(draft, "PNG")
    draft.rename(path)


@pytest.mark.parametrize("poll", [(), ("--poll", "200ms")])
def test_arrivals(make, poll):
    """Pictures become rows in the order of their times, confirmed hornets become alarms, per camera; SIGTERM ends with 0."""
    watch = make("--confirm", "2/3", "--quiet", "1h", *poll)
    picture(watch.top / "before.png")
    watch.start().until_said("1 file there already: left alone")
    for number, colour in enumerate([RED, BLUE, RED, RED, RED]):
        picture(watch.top / "east" / f"{number}.png", colour)
        watch.until(lambda number=number: len(watch.rows()) == number + 1)
    picture(watch.top / "west" / "0.png")
    picture(watch.top / ".hidden" / "0.png")
    (watch.top / "notes.txt").write_text("no picture")
    watch.until(lambda: len(watch.rows()) == 6)

    assert 0 == watch.stop()
    assert [f"east/{number}.png" for number in range(5)] + ["west/0.png"] == [
        path for path, _ in watch.rows()
    ]
    (alarm,) = watch.lines("alarms.jsonl")
    assert ("east", "in/east/2.png", 3) == (alarm["camera"], alarm["path"], alarm["of"])
    assert ["in/east/0.png", "in/east/2.png"] == [one["path"] for one in alarm["confirmed_by"]]
    assert "ALARM east: hornet in in/east/2.png" in (watch.folder / "out").read_text()
    assert watch.said().endswith("stopped: 5 present, 1 absent, 1 alarm\n")


def test_half_written_files(make, make_clip_bytes):
    """A file that grows slowly, pauses, or whose room was taken before its content came is judged once, when it is whole."""
    watch = make("--confirm", "1/1", "--quiet", "0s").start().until_said("watching")
    picture(watch.folder / "noise.png", RED, (300, 300))
    data = (watch.folder / "noise.png").read_bytes()
    jpeg = watch.folder / "a.jpg"
    Image.effect_noise((300, 300), 60).convert("RGB").save(jpeg, quality=95)
    slow, reserved, clip = watch.top / "slow.png", watch.top / "reserved.jpg", watch.top / "clip.mp4"
    body = jpeg.read_bytes()

    slow.write_bytes(data[: len(data) // 2])
    reserved.write_bytes(body[: len(body) // 2] + bytes(len(body) - len(body) // 2))
    clip.write_bytes(make_clip_bytes[: len(make_clip_bytes) // 2])
    time.sleep(1.5)  # well after they have settled
    assert [] == watch.rows()
    with slow.open("ab") as file:
        file.write(data[len(data) // 2 :])
    reserved.write_bytes(body)
    clip.write_bytes(make_clip_bytes)
    watch.until(lambda: len(watch.rows()) == 4)

    assert 0 == watch.stop()
    assert {("slow.png", "present"), ("clip.mp4#t=0.000", "absent"), ("clip.mp4#t=1.000", "present")} < set(
        watch.rows()
    )
    assert {"slow.png", "clip.mp4#t=1.000"} <= set(watch.alarms())
    assert "reserved.jpg" in dict(watch.rows())


@pytest.fixture(scope="module")
def make_clip_bytes(tmp_path_factory):
    """Return a clip whose second second is red."""
    import av
    import numpy as np

    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(20):
            plain = np.zeros((48, 64, 3), np.uint8)
            plain[:] = RED if number >= 10 else BLUE
            container.mux(stream.encode(av.VideoFrame.from_ndarray(plain, format="rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


def test_bad_files(make):
    """Damaged, empty, unreadable and vanishing files end nothing; what stays bad is a row that says why."""
    watch = make("--confirm", "1/1", "--quiet", "0s").start().until_said("watching")
    for number in range(30):
        (watch.top / f"gone{number}.png").write_bytes(b"soon gone")
        (watch.top / f"gone{number}.png").unlink()
    (watch.top / "link.png").symlink_to("nowhere.png")
    (watch.top / "folder.png").mkdir()
    os.mkfifo(watch.top / "pipe.png")
    (watch.top / "big.bmp").write_bytes(b"BM" + b"\xff" * 60)
    huge = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x02\0\0\0"
    (watch.top / "huge.png").write_bytes(huge + b"\x01\x02\x03\x04")
    picture(watch.top / "good.png")
    watch.until(lambda: "good.png" in watch.alarms())

    assert 0 == watch.stop()
    assert ["good.png"] == watch.alarms()


def test_folder_that_goes_and_comes_back(make):
    """A folder that vanishes is waited for; what was known isn't told again, what is new is."""
    watch = make("--confirm", "1/1", "--quiet", "0s").start().until_said("watching")
    picture(watch.top / "a.png")
    watch.until(lambda: watch.alarms() == ["a.png"])

    for name in ("b.png", "c.png"):
        watch.top.rename(watch.folder / "away")
        watch.until_said("is gone; waiting", times=1 if name == "b.png" else 2)
        picture(watch.folder / "away" / name)
        (watch.folder / "away").rename(watch.top)
        watch.until(lambda name=name: name in watch.alarms())
    shutil.rmtree(watch.top)
    watch.until_said("is gone; waiting", times=3)
    watch.top.mkdir()
    picture(watch.top / "d.png")
    watch.until(lambda: "d.png" in watch.alarms())

    assert 0 == watch.stop(signal.SIGINT)
    assert ["a.png", "b.png", "c.png", "d.png"] == watch.alarms()


@pytest.mark.parametrize(("existing", "rows", "alarms"), [("skip", 0, 0), ("predict", 3, 0), ("alarm", 3, 3)])
def test_existing(make, existing, rows, alarms):
    """What was there before the first watch is left alone, predicted, or alarmed; what came between two is new."""
    watch = make("--confirm", "1/1", "--quiet", "0s", "--existing", existing)
    for number in range(3):
        picture(watch.top / f"old{number}.png")
    watch.start().until_said("watching")
    watch.until(lambda: len(watch.rows()) == rows)
    assert 0 == watch.stop()
    picture(watch.top / "between.png")
    watch.start().until(lambda: "between.png" in watch.alarms())

    assert 0 == watch.stop()
    assert (rows + 1, alarms + 1) == (len(watch.rows()), len(watch.alarms()))
    assert "going on from the last time" in watch.said()


def test_killed_at_random(make, hook):
    """Killed again and again while pictures come and the webhook fails, no picture is missed and none is told twice."""
    watch = make(
        "--confirm",
        "1/1",
        "--quiet",
        "0s",
        "--alarm-pictures",
        "maps",
        "--webhook",
        f"http://127.0.0.1:{hook.server_port}/",
    )
    watch.start().until_said("watching")
    dice = random.Random(8)
    count = 0
    for round_ in range(5):
        hook.mode = [200, 500, "hang", 503, 200][round_]
        for _ in range(12):
            picture(watch.top / f"cam{count % 3}" / f"{count:03d}.png", RED if count % 2 else BLUE)
            count += 1
        already = len(watch.rows())
        watch.until(lambda already=already: len(watch.rows()) > already)
        time.sleep(dice.random() * 0.5)
        watch.process.kill()
        watch.process.wait()
        watch.start()
    hook.mode = 200
    watch.until(lambda: len(watch.rows()) >= count)
    watch.until(lambda: len({name for name, _ in hook.taken}) >= count // 2)

    assert 0 == watch.ready().stop()
    wanted = {
        f"cam{number % 3}/{number:03d}.png": "present" if number % 2 else "absent" for number in range(count)
    }
    assert wanted == dict(watch.rows())
    assert [1] == sorted(set(Counter(watch.rows()).values()))
    assert sorted(path for path, label in wanted.items() if label == "present") == sorted(watch.alarms())
    # What was taken when the process was killed may be sent once more: with the number that tells.
    assert {alarm["id"] for alarm in watch.lines("alarms.jsonl")} == {name for name, _ in hook.taken}
    assert all(body.count(b"\xff\xd8\xff") == 2 for _, body in hook.taken)
    for alarm in watch.lines("alarms.jsonl"):
        with (
            Image.open(watch.folder / alarm["picture"]) as small,
            Image.open(watch.folder / alarm["heatmap"]) as map_,
        ):
            assert ((40, 30), 320) == (small.size, map_.width)


def test_spool(make, hook):
    """Alarms of a time when nobody listened are sent after the next start, whatever that time's address was."""
    watch = make("--confirm", "1/1", "--quiet", "0s")
    secret = {"HORNET_WEBHOOK": "http://user:s3cret@127.0.0.1:9/s3cret", "HORNET_WEBHOOK_TOKEN": "s3cret"}
    watch.start(**secret).until_said("watching")
    for number in range(3):
        picture(watch.top / f"{number}.png")
    watch.until(lambda: len(watch.alarms()) == 3).until_said("Connection refused")
    assert 0 == watch.stop()

    watch.start("--webhook", f"http://127.0.0.1:{hook.server_port}/", "--webhook-as", "json")
    watch.until(lambda: len(hook.taken) == 3)

    assert 0 == watch.stop()
    assert watch.lines("alarms.jsonl") == [json.loads(body) for _, body in hook.taken]
    assert "s3cret" not in watch.said()
    assert all(b"s3cret" not in path.read_bytes() for path in (watch.folder / "state").iterdir())


def test_a_file_that_ends_the_process(make):
    """A file during whose reading the process ended three times is a row that says so; its neighbours are answered."""
    watch = make("--existing", "predict")
    for name in ("bad.png", "good.png"):
        picture(watch.top / name)
    store = Store(str(watch.folder / "state"))
    for names in (["bad.png", "good.png"], ["bad.png"], ["bad.png"]):
        store.will_try(names)
    store.close()

    watch.start().until(lambda: len(watch.rows()) == 2)

    assert 0 == watch.stop()
    assert [("bad.png", None), ("good.png", "present")] == sorted(watch.rows())
    assert (
        "crashed: hornet ended 3 times while reading this file" in (watch.folder / "rows.jsonl").read_text()
    )


def test_two_watches(make):
    """A folder that is being watched isn't watched twice from one state."""
    watch = make().start().until_said("watching")
    second = subprocess.run(
        watch.command, cwd=watch.folder, capture_output=True, text=True, timeout=LIMIT, check=False
    )

    assert 1 == second.returncode
    assert "this folder is being watched already" in second.stderr
    assert 0 == watch.stop()
