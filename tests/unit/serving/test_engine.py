"""The queue is bounded, batches are what is ready, nobody's failure is another's, leaving stops the work."""

import contextlib
import socket
import threading
import time

import httpx
import numpy as np
import pytest

from hornet import Classifier
from hornet.classifier import Outputs

RAW = {"Content-Type": "image/png"}


@pytest.fixture
def gate(monkeypatch):
    """Hold every run of the network until the gate is opened; ``runs`` has the sizes of the batches."""

    class Gate:
        runs: list[int] = []  # noqa: RUF012 - one test, one gate
        opened = threading.Event()

    Gate.runs, Gate.opened = [], threading.Event()
    run = Classifier.run

    def held(self: Classifier, batch: np.ndarray) -> Outputs:
        Gate.runs.append(len(batch))
        assert Gate.opened.wait(20)
        return run(self, batch)

    monkeypatch.setattr(Classifier, "run", held)
    yield Gate
    Gate.opened.set()


class Asking:
    """Requests in threads of their own."""

    def __init__(self, client, data):
        self._url, self._data = str(client.base_url), data
        self.statuses: list[int] = []
        self._threads: list[threading.Thread] = []

    def start(self, count):
        """Begin so many more requests."""
        for _ in range(count):
            self._threads.append(threading.Thread(target=self._ask))
            self._threads[-1].start()

    def _ask(self):
        with httpx.Client(base_url=self._url, timeout=20) as own:
            self.statuses.append(own.post("/predict", content=self._data, headers=RAW).status_code)

    def join(self):
        """Wait for all of them."""
        for thread in self._threads:
            thread.join()


def until(condition):
    """Wait until a condition holds; fail after 20 s."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_queue_is_bounded(serve, gate, encoded):
    """Beyond the queue a request is 503 with Retry-After; those inside are answered; afterwards all is as before."""
    red = encoded((255, 0, 0))
    with serve(queue=4, max_pictures=4) as client:
        engine = client.app.state.hornet.engine
        asking = Asking(client, red)
        asking.start(4)
        until(lambda: engine.waiting == 4)
        refused = client.post("/predict", content=red, headers=RAW)
        tensor = {"name": "image", "shape": [1, 8, 8, 3], "datatype": "UINT8", "data": [0] * 192}
        refused_tensor = client.post("/v2/models/hornet/infer", json={"inputs": [tensor]})
        gate.opened.set()
        asking.join()
        after = client.post("/predict", content=red, headers=RAW)

    for answer in (refused, refused_tensor):
        assert (503, "overloaded") == (answer.status_code, answer.json()["code"])
        assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert [200] * 4 == asking.statuses
    assert (200, 0) == (after.status_code, engine.waiting)


def test_a_request_enters_whole_or_not(serve, gate, encoded):
    """A form that doesn't fit into what is left of the queue is refused whole."""
    red = encoded((255, 0, 0))
    with serve(queue=4, max_pictures=4) as client:
        asking = Asking(client, red)
        asking.start(2)
        until(lambda: client.app.state.hornet.engine.waiting == 2)
        refused = client.post("/predict", files=[("files", red)] * 3)
        waiting = client.app.state.hornet.engine.waiting
        gate.opened.set()
        asking.join()

    assert (503, 2) == (refused.status_code, waiting)


def test_batches_are_what_is_ready(serve, gate, encoded):
    """While both workers run, others gather, and go together; never more than the limit."""
    with serve(batch=3) as client:
        asking = Asking(client, encoded((255, 0, 0)))
        asking.start(1)
        until(lambda: len(gate.runs) == 1)
        asking.start(1)
        until(lambda: len(gate.runs) == 2)
        asking.start(5)
        until(lambda: client.app.state.hornet.engine.waiting == 7)
        gate.opened.set()
        asking.join()

    assert [200] * 7 == asking.statuses
    assert [1, 1] == gate.runs[:2]
    assert 7 == sum(gate.runs)
    assert max(gate.runs) <= 3
    assert len(gate.runs) < 7


def test_batch_equals_singles(serve, encoded):
    """Answers don't depend on who shares a batch."""
    pictures = [encoded((red, 100, 255 - red)) for red in range(0, 250, 25)]
    with serve() as client:
        together = client.post("/predict", files=[("files", data) for data in pictures]).json()["results"]
        alone = [
            client.post("/predict", content=data, headers=RAW).json()["results"][0]["probability"]
            for data in pictures
        ]

    assert alone == pytest.approx([result["probability"] for result in together], abs=1e-5)


def test_no_answer_in_time(serve, gate, encoded):
    """Who waits too long gets 503, and what isn't begun is dropped."""
    with serve(answer_seconds=0.05) as client:
        answer = client.post("/predict", content=encoded((255, 0, 0)), headers=RAW)
        gate.opened.set()
        until(lambda: client.app.state.hornet.engine.waiting == 0)

    assert (503, "timeout") == (answer.status_code, answer.json()["code"])


def test_a_fault_leaves_no_trace_in_the_queue(serve, encoded, monkeypatch):
    """If making one picture's answer fails, its request alone is 500, and the queue is as empty as before."""
    from hornet.serving import predict

    result = predict._result

    def failing(data, *rest):
        return 1 / 0 if data == bad else result(data, *rest)

    monkeypatch.setattr(predict, "_result", failing)
    red, bad = encoded((255, 0, 0)), encoded((250, 0, 0))
    with serve(batch=8) as client:
        mixed = client.post("/predict", files=[("files", data) for data in (red, red, bad, red)])
        after = client.post("/predict", files=[("files", red)] * 8)
        waiting = client.app.state.hornet.engine.waiting

    assert (500, 200, 0) == (mixed.status_code, after.status_code, waiting)


def test_who_left_isnt_worked_for(serve, gate, encoded):
    """Pictures of a client that left are dropped before the network sees them."""
    with serve(batch=1) as client:
        engine = client.app.state.hornet.engine
        staying = Asking(client, red := encoded((255, 0, 0)))
        staying.start(2)
        until(lambda: len(gate.runs) == 2)  # both workers are held
        head = f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: {len(red)}\r\n\r\n"
        with contextlib.ExitStack() as leaving:
            for _ in range(3):
                address = (client.base_url.host, client.base_url.port)
                leaving.enter_context(socket.create_connection(address)).sendall(head.encode() + red)
            until(lambda: engine.waiting == 5)
        in_flight = "hornet_http_requests_in_flight 3.0"  # those that stay, and this one
        until(lambda: in_flight in client.get("/metrics").text)
        gate.opened.set()
        staying.join()
        until(lambda: engine.waiting == 0)

    assert [200, 200] == staying.statuses
    assert [1, 1] == gate.runs


def test_bytes_of_all_bodies_are_bounded(serve, gate, encoded):
    """When the bodies in memory reach their limit, the next is 503; when they are answered, there is room again."""
    red = encoded((255, 0, 0))
    with serve(max_held_bytes=2 * len(red) + 10) as client:
        asking = Asking(client, red)
        asking.start(2)
        until(lambda: client.app.state.hornet.engine.waiting == 2)
        refused = client.post("/predict", content=red, headers=RAW)
        gate.opened.set()
        asking.join()
        after = client.post("/predict", content=red, headers=RAW)
        held = client.app.state.hornet.held.bytes

    assert (503, "overloaded") == (refused.status_code, refused.json()["code"])
    assert (200, 0) == (after.status_code, held)
