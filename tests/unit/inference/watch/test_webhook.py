"""Alarms on their way: requests, answers, retries, what is said of them."""

import email.parser
import email.policy
import time

import pytest

from hornet.errors import ConfigError
from hornet.inference.watch import courier as courier_module
from hornet.inference.watch.courier import Courier
from hornet.inference.watch.outbox import Delivery, Outbox
from hornet.inference.watch.store import Batch, Store
from hornet.inference.watch.webhook import GIVE_UP_S, Webhook, delay

DELIVERY = Delivery("11-22", '{"id": "11-22"}', b"\xff\xd8picture", b"\xff\xd8--heat\r\nmap", created=5.0)


def parts(headers, body):
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    return {
        part.get_param("name", header="content-disposition"): (
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    }


def test_multipart(receiver):
    """The alarm is JSON, picture and heatmap are JPEG, and the number comes as idempotency key."""
    assert "taken" == Webhook(receiver.address, token="t0ken").post(DELIVERY).kind

    ((_, path, headers, body),) = receiver.requests
    assert "/hook/s3cret?key=s3cret" == path
    assert ("11-22", "Bearer t0ken") == (headers["Idempotency-Key"], headers["Authorization"])
    assert {
        "alarm": ("application/json", DELIVERY.document.encode()),
        "picture": ("image/jpeg", DELIVERY.picture),
        "heatmap": ("image/jpeg", DELIVERY.heatmap),
    } == parts(headers, body)


def test_multipart_is_what_servers_read(receiver):
    """The server library that hornet itself uses reads the same parts."""
    import asyncio

    from starlette.datastructures import Headers
    from starlette.formparsers import MultiPartParser

    Webhook(receiver.address).post(DELIVERY)
    ((_, _, headers, body),) = receiver.requests

    async def stream():
        yield body

    async def read():
        form = await MultiPartParser(Headers(headers), stream()).parse()
        try:
            files = [form["picture"], form["heatmap"]]
            return form["alarm"], *[await file.read() for file in files if not isinstance(file, str)]
        finally:
            await form.close()

    assert (DELIVERY.document, DELIVERY.picture, DELIVERY.heatmap) == asyncio.run(read())


def test_json(receiver):
    """As JSON the alarm comes alone; a name and password of the address are sent as they should be."""
    address = receiver.address.replace("http://", "http://me:p%40ss@")
    assert "taken" == Webhook(address, form="json").post(DELIVERY).kind

    ((_, _, headers, body),) = receiver.requests
    assert ("application/json", DELIVERY.document.encode()) == (headers["Content-Type"], body)
    assert "Basic bWU6cEBzcw==" == headers["Authorization"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (200, "taken"),
        (204, "taken"),
        (302, "refused"),
        (400, "refused"),
        (401, "refused"),
        (404, "refused"),
        (408, "again"),
        (429, "again"),
        (500, "again"),
        (503, "again"),
    ],
)
def test_answers(receiver, answer, kind):
    """What can pass is tried again, what can't isn't; nobody is followed elsewhere."""
    receiver.answers = [answer]
    receiver.headers_to_send = {"Location": receiver.address, "Retry-After": "7"}

    outcome = Webhook(receiver.address).post(DELIVERY)

    assert (kind, 1) == (outcome.kind, len(receiver.requests))
    assert (7.0 if kind == "again" else None) == outcome.wait
    assert "s3cret" not in outcome.reason


def test_nobody_there(receiver):
    """A host that is silent, or isn't there, is tried again."""
    receiver.answers = ["hang"]
    hook = Webhook(receiver.address, timeout=0.2)

    silent = hook.post(DELIVERY)
    assert ("again", "silent for 0.2 s") == (silent.kind, silent.reason)
    receiver.stop()
    gone = hook.post(DELIVERY)
    assert ("again", "Connection refused") == (gone.kind, gone.reason)


@pytest.mark.parametrize(
    "address", ["ftp://a/b", "s3cret", "http:///s3cret", "http://[::1", "http://a:99999/", "http://é/"]
)
def test_no_address(address):
    """What is no address is refused, without repeating it: it may hold secrets."""
    with pytest.raises(ConfigError) as caught:
        Webhook(address)

    assert address not in str(caught.value)


def test_delays():
    """Tries come twice as far apart each time, up to a quarter of an hour; what is asked for is believed up to that."""
    assert [5, 10, 20, 40] == [delay(tries, luck=0) for tries in (1, 2, 3, 4)]
    assert (900, 1125) == (delay(1000, luck=0), delay(1000, luck=1))
    assert (60, 900) == (delay(1, 60, luck=0), delay(1, 1e9, luck=0))
    assert all(5 <= delay(1) <= 6.25 for _ in range(50))


@pytest.fixture
def told():
    return []


@pytest.fixture
def send(receiver, told, tmp_path, monkeypatch):
    """Return a function that keeps alarms, and one that starts a courier whose delays are short."""
    monkeypatch.setattr(courier_module, "delay", lambda tries, wait=None, luck=None: 0.02)
    store = Store(str(tmp_path / "state"))
    couriers = []

    def keep(*names, created=None):
        created = time.time() if created is None else created
        store.record(
            Batch(
                [],
                {},
                [],
                [Delivery(name, f'{{"id": "{name}"}}', b"p", b"h", created=created) for name in names],
            )
        )

    def start(**options):
        courier = Courier(store.folder, Webhook(receiver.address, **options), told.append)
        courier.start()
        couriers.append(courier)
        return courier

    yield keep, start, store
    for courier in couriers:
        courier.leave(30)
        assert not courier.is_alive()
    store.close()


def received(receiver):
    return [(answer, headers["Idempotency-Key"]) for answer, _, headers, _ in receiver.requests]


def test_again_and_again(send, receiver, told):
    """An alarm is sent until it is taken, with the same number and bytes; trouble and its end are said, no secret is."""
    keep, start, store = send
    receiver.answers = [500, "hang", 503]
    keep("a")

    start(timeout=2)  # long for a busy machine, short for a receiver that hangs
    receiver.wait_for(4)

    assert [(500, "a"), ("hang", "a"), (503, "a"), (200, "a")] == received(receiver)
    assert 1 == len({body for *_, body in receiver.requests})
    outbox = Outbox(store.folder)
    deadline = time.monotonic() + 30
    while outbox.waiting() or len(told) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    outbox.close()
    assert (
        f"http://127.0.0.1:{receiver.server_port}: answers 500 Internal Server Error; 1 waiting, sent again later"
        == told[0]
    )
    assert told[-1].endswith("takes alarms again")
    assert "s3cret" not in "".join(told)


def test_one_that_is_refused(send, receiver, told):
    """A refused alarm is dropped with a word, and holds up none after it."""
    keep, start, _ = send
    receiver.answers = [422]
    keep("a", created=1.0)
    keep("b", created=2.0)

    start()
    receiver.wait_for(2)

    assert [(422, "a"), (200, "b")] == received(receiver)
    assert "alarm a isn't sent again" in told[0]


def test_one_that_nobody_waits_for(send, receiver, told):
    """After a week of failures an alarm is given up."""
    keep, start, _ = send
    receiver.answers = [500]
    keep("old", created=time.time() - GIVE_UP_S - 60)
    keep("new")

    start()
    receiver.wait_for(2)

    assert [(500, "old"), (200, "new")] == received(receiver)
    assert "alarm old is given up after a week" in told[0]


def test_leaving(send, receiver):
    """Told to leave, a courier sends what waits; if that isn't taken, it is kept for the next one."""
    keep, start, store = send
    courier = start()
    keep("a", "b")
    courier.wake()
    courier.leave(30)
    assert [(200, "a"), (200, "b")] == received(receiver)

    receiver.answers = [500]
    courier = start()
    keep("c")
    courier.leave(30)

    outbox = Outbox(store.folder)
    assert 1 == outbox.waiting()
    outbox.close()
    start()
    receiver.wait_for(4)
    assert (200, "c") == received(receiver)[-1]
