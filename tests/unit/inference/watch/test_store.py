"""What is kept of a watched folder."""

import os
import sqlite3

import pytest

from hornet.errors import ConfigError
from hornet.inference.watch.confirmation import Camera, Sighting
from hornet.inference.watch.outbox import Delivery, Outbox
from hornet.inference.watch.store import Batch, Store

CAMERA = Camera((Sighting("a\udcff.jpg", 1.25, "present", 0.75),), 17.5, 3)
DELIVERY = Delivery("1", '{"id": "1"}', b"picture", b"heatmap", created=5.0)


def batch(**changes):
    values = {
        "files": [("a\udcff.jpg", (1, 2))],
        "cameras": {"cam\udcff": CAMERA},
        "lines": [("rows", b"1\n"), ("alarms", b"2\n"), ("rows", b"3\n")],
        "deliveries": [DELIVERY],
    }
    return Batch(**(values | changes))


@pytest.fixture
def store(tmp_path):
    store = Store(str(tmp_path / "state"))
    yield store
    store.close()


def test_kept_after_a_restart(store, tmp_path):
    """Files, cameras, lines and alarms are there again, names that are no text among them."""
    store.record(batch())
    store.close()
    again = Store(str(tmp_path / "state"))
    outbox = Outbox(again.folder)

    try:
        assert ((1, 2), "done") == again.known("a\udcff.jpg")
        assert None is again.known("b.jpg")
        assert CAMERA == again.camera("cam\udcff")
        assert Camera() == again.camera("other")
        assert [b"1\n", b"3\n"] == [line for _, line in again.lines("rows")]
        assert (DELIVERY, 0.0) == outbox.next()
    finally:
        outbox.close()
        again.close()


def test_all_or_nothing(store):
    """A batch of which one part can't be kept leaves nothing behind."""
    with pytest.raises(sqlite3.Error):
        store.record(batch(deliveries=[Delivery("1", "{}", b"", object())]))  # type: ignore[arg-type]

    assert None is store.known("a\udcff.jpg")
    assert Camera() == store.camera("cam\udcff")
    assert [] == store.lines("rows")


def test_the_same_alarm_is_sent_once(store):
    """An alarm that was taken isn't sent again when it is raised again."""
    store.record(batch())
    outbox = Outbox(store.folder)
    outbox.over("1", "taken", None)

    store.record(batch())

    assert None is outbox.next()
    outbox.close()


def test_what_ended_the_process(store):
    """Files that are being read are counted until they are answered."""
    store.will_try(["a", "b"])
    store.will_try(["a"])
    store.has_tried(["b"])
    assert {"a": 2} == store.tried()

    store.record(batch(files=[("a", (1, 2))]))

    assert {} == store.tried()


def test_one_watch_at_a_time(store):
    """A state that is in use is refused."""
    with pytest.raises(ConfigError, match="is being watched already"):
        Store(store.folder)


def test_no_state(tmp_path):
    """What is no state, or of another version, is refused, with what to do."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "watch.sqlite").write_bytes(b"something else" * 100)
    with pytest.raises(ConfigError, match="name another folder with --state"):
        Store(str(other))
    newer = Store(str(tmp_path / "newer"))
    newer.set_meta("version", "99")
    newer.close()
    with pytest.raises(ConfigError, match="another version of hornet"):
        Store(str(tmp_path / "newer"))
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="name another folder with --state"):
        Store(os.path.join(tmp_path, "file", "state"))  # noqa: PTH118
