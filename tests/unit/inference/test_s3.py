"""Pictures and rows in an S3 store."""

import os
import sys

import pytest

from hornet.errors import ImageMissing, ImageTooLarge, ImageUnreadable, MissingExtra
from hornet.images import Limits
from hornet.inference.records import look_at
from hornet.inference.s3 import Store, reason
from hornet.inference.sources import Scan

NAMES = ("b.jpg", "a.txt", "b/é 1.JPG", "b/.hidden.jpg", "b/c/d.png", "B.png", ".git/x.jpg", "b-.jpg")


def filled(bucket, names=NAMES):
    store = Store()
    for name in names:
        store.write(f"{bucket}/in/{name}", b"bytes of " + name.encode())
    return store


@pytest.mark.parametrize("slash", ["", "/"])
def test_scan_like_a_folder(bucket, tmp_path, slash):
    """A folder of objects gives the pictures that the same folder on disk gives, in the same order."""
    filled(bucket)
    for name in NAMES:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"bytes")
    there, here = Scan([f"{bucket}/in{slash}"]), Scan([str(tmp_path / "in")])
    found = [source.name for source in there]

    assert [os.path.relpath(source.name, tmp_path) for source in here] == [
        name.removeprefix(f"{bucket}/") for name in found
    ]
    assert (5, 1) == (len(found), there.skipped)


def test_named_object(bucket):
    """An object that is named is tried whatever it is called, and says its size and time once it is there."""
    filled(bucket)
    there, missing = Scan([f"{bucket}/in/a.txt", f"{bucket}/in/none.jpg"])

    assert (f"{bucket}/in/a.txt", 14, None) == (there.name, (there.seen or (0, 0))[0], missing.seen)
    assert there.seen == look_at(there)


def test_fetch(bucket):
    """Bytes come as they are; what isn't there or is too large says so."""
    store = filled(bucket)

    assert b"bytes of b/\xc3\xa9 1.JPG" == store.fetch(f"{bucket}/in/b/é 1.JPG")
    with pytest.raises(ImageMissing, match="no such object"):
        store.fetch(f"{bucket}/in/none.jpg")
    with pytest.raises(ImageTooLarge, match="larger than 5 bytes"):
        Store(Limits(max_bytes=5)).fetch(f"{bucket}/in/b.jpg")


def test_no_bucket(bucket):
    """An address without a bucket is a source with an error, and so is a bucket that isn't there."""
    nowhere, missing = Scan(["s3://", "s3://hornet-no-such-bucket/a.jpg"])

    assert "unreadable" == (nowhere.error and nowhere.error.code)
    assert "there is no bucket in this address" in str(nowhere.error)
    with pytest.raises(ImageMissing, match="no such object"):
        Store().fetch(missing.name)


def test_refusal_reads_the_same_each_time(bucket):
    """What a store refuses with holds no number of the request: the same fault is the same row."""
    texts = set()
    for _ in range(2):
        with pytest.raises(OSError, match="NO_SUCH_BUCKET") as caught:
            Store().write("s3://hornet-no-such-bucket/a", b"")
        texts.add(reason(caught.value))

    assert 1 == len(texts)
    assert "Request ID" not in texts.pop()


def test_unreachable(monkeypatch, s3_environment):
    """A store that doesn't answer is an unreadable picture."""
    for name, value in s3_environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    (source,) = Scan(["s3://hornet-bucket/a.jpg"])
    assert isinstance(source.error, ImageUnreadable)
    assert "NETWORK_CONNECTION" in str(source.error)


def test_missing_package(monkeypatch):
    """Without pyarrow the message names the extra."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingExtra, match=r"hornet-detector\[s3\]"):
        list(Scan(["s3://bucket/a.jpg"]))
