"""POST /collect and DELETE /collect/...: only where it is switched on, and never more than was said."""

import datetime as dt
import io

import numpy as np
import pytest
from PIL import Image

from hornet.dataset import read_manifest
from hornet.images import PixelRule, pixels

RAW = {"Content-Type": "image/jpeg"}
SECRET = "SECRET-CAMERA-0815"


def photo(colour=(255, 0, 0)) -> bytes:
    """Return a JPEG that lies on its side and says which camera took it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0110] = SECRET
    file = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(file, "JPEG", exif=exif)
    return file.getvalue()


@pytest.fixture
def collecting(serve, tmp_path):
    """Return a client of a server that collects at most two pictures for 30 days, and its folder."""
    with serve(collect=str(tmp_path / "given"), collect_days=30, collect_pictures=2) as client:
        yield client, tmp_path / "given"


def give(client, data, answer="present", headers=RAW):
    """Send a picture with an answer."""
    return client.post("/collect", params={"answer": answer}, content=data, headers=headers)


def test_off_by_default(client):
    """Without a folder there is no such address, and the page doesn't speak of it."""
    assert 404 == give(client, photo()).status_code
    assert "/collect" not in client.get("/openapi.json").json()["paths"]
    assert "&quot;collect&quot;: false" in client.get("/").text


def test_given_and_taken_back(collecting):
    """A picture is kept upright, with its pixels and without its camera, under its answer, until its token deletes it."""
    client, folder = collecting
    answer = give(client, photo(), "absent").json()
    (record,) = read_manifest(folder / "manifest.csv").records
    kept, rule = record.path.read_bytes(), PixelRule((8, 8))
    address = f"/collect/{answer['picture']}"
    wrong = client.delete(address, headers={"X-Deletion-Token": "wrong"})
    right = client.delete(address, headers={"X-Deletion-Token": answer["token"]})

    assert (answer["picture"], 0) == (record.name, record.label)
    assert (dt.datetime.now(dt.UTC).date() + dt.timedelta(30)).isoformat() >= answer["kept_until"]
    assert np.array_equal(pixels(photo(), rule), pixels(kept, rule))
    assert SECRET.encode() not in kept
    assert [404, 204] == [wrong.status_code, right.status_code]
    assert [".lock"] == [entry.name for entry in folder.iterdir()]


@pytest.mark.parametrize(
    ("data", "answer", "headers", "expected"),
    [
        (b"hello", "present", RAW, (422, "no_good_picture")),
        (photo()[:300], "present", RAW, (422, "no_good_picture")),
        (photo(), "maybe", RAW, (422, "invalid")),
        (photo(), "present", {"Content-Type": "text/plain"}, (415, "unsupported_media_type")),
    ],
)
def test_refused(collecting, data, answer, headers, expected):
    """What is no picture, no answer, or could come from another site's form is refused, and nothing is kept."""
    client, folder = collecting
    refused = give(client, data, answer, headers)

    assert expected == (refused.status_code, refused.json()["code"])
    assert [".lock"] == [entry.name for entry in folder.iterdir()]


def test_full(collecting):
    """Beyond the limit the answer is 507, and what is there stays."""
    client, folder = collecting
    codes = [give(client, photo((0, 0, at))).status_code for at in (10, 100, 200)]

    assert [200, 200, 507] == codes
    assert 2 == len(read_manifest(folder / "manifest.csv").records)


def test_needs_the_key(serve, tmp_path):
    """Where keys are needed, giving and deleting need one, too."""
    with serve(collect=str(tmp_path / "given"), api_keys=("correct-horse-battery",)) as client:
        codes = [give(client, photo()).status_code, client.delete(f"/collect/{'a' * 32}.jpg").status_code]

    assert [401, 401] == codes


def test_old_pictures_are_gone_at_the_start(serve, tmp_path):
    """A server that starts deletes what has become too old meanwhile."""
    folder = tmp_path / "given"
    with serve(collect=str(folder), collect_days=30) as client:
        give(client, photo())
    manifest = (folder / "manifest.csv").read_text()
    day = dt.datetime.now(dt.UTC).date()
    old = manifest.replace(f",{day.year}-", f",{day.year - 1}-").replace("-02-29", "-02-28")
    (folder / "manifest.csv").write_text(old)
    with serve(collect=str(folder), collect_days=30) as client:
        client.get("/v2/health/live")

    assert manifest != old
    assert [".lock"] == [entry.name for entry in folder.iterdir()]
