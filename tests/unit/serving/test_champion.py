"""A promoted model takes over while requests run; a bad one doesn't."""

import base64
import itertools
import threading
import time

import httpx
import pytest

from hornet import Classifier
from hornet.errors import ArtifactIncompatible, ArtifactMissing
from hornet.registry import Registry
from hornet.serving import ServeSettings, create_app

RAW = {"Content-Type": "image/png"}


@pytest.fixture
def promote(make_artifact, tmp_path):
    """Return a function that promotes a new tiny model of a given gain, and returns its version."""
    numbers = itertools.count()

    def promote_gain(gain: float, **changes) -> str:
        model = make_artifact(tmp_path / f"{next(numbers)}.onnx", gain=gain, **changes)
        registry = Registry()
        entry = registry.add(model, parent="packed", note="", record={})
        registry.promote(entry.id)
        return entry.id

    return promote_gain


def until(condition):
    """Wait until a condition holds; fail after 20 s."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_takeover_drops_no_request(serving, promote, encoded):
    """While clients ask without a pause, every answer is good and wholly one model's, first the old, then the new one."""
    red = encoded((255, 0, 0))
    versions = [promote(2.0)]
    seen: list[tuple[str, float]] = []
    statuses: set[int] = set()
    stop = threading.Event()

    def ask(url):
        with httpx.Client(base_url=url) as own:
            while not stop.is_set():
                answer = own.post("/predict", content=red, headers=RAW)
                statuses.add(answer.status_code)
                document = answer.json()
                seen.append((document["model"]["version"], document["results"][0]["probability"]))

    with serving(model=None, watch_seconds=0.02) as client:
        threads = [threading.Thread(target=ask, args=(str(client.base_url),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: len(seen) > 5)
        versions.append(promote(1.0))
        until(lambda: seen[-1][0] == versions[1])
        stop.set()
        for thread in threads:
            thread.join()
        metrics = client.get("/metrics").text

    expected = {
        (version, round(Classifier.open(Registry().model_path(version)).predict(red).probability, 6))
        for version in versions
    }
    assert {200} == statuses
    assert expected == set(seen)
    assert f'version="{versions[1]}"}} 1.0' in metrics
    assert versions[0] not in metrics


def test_bad_champion_is_refused_and_counted(serving, promote, encoded, caplog):
    """A champion that doesn't answer its golden examples isn't taken over: the old one goes on, and metrics tell."""
    old = promote(2.0)
    with serving(model=None, watch_seconds=0.02) as client:
        jpeg = base64.b64encode(encoded((255, 0, 0), form="JPEG")).decode()
        golden = [{"name": "red", "jpeg": jpeg, "probability": 0.1}]
        promote(1.0, golden=golden)
        until(lambda: "hornet_champions_refused_total 1.0" in client.get("/metrics").text)
        answer = client.post("/predict", content=encoded((255, 0, 0)), headers=RAW)
        ready = client.get("/v2/health/ready")

    assert (200, 200) == (answer.status_code, ready.status_code)
    assert old == answer.json()["model"]["version"]
    assert "champion refused" in caplog.messages


def test_rollback_is_taken_over_too(serving, promote):
    """A rollback is a change of champion like any other."""
    first = promote(2.0)
    promote(1.0)
    with serving(model=None, watch_seconds=0.02) as client:
        Registry().rollback()
        until(lambda: client.get("/v2/models/hornet").json()["versions"] == [first])


def test_named_model_stays(serve, promote):
    """A model that was named doesn't give way to the registry's."""
    with serve(watch_seconds=0.01) as client:
        before = client.get("/v2/models/hornet").json()
        promote(1.0)
        time.sleep(0.1)

        assert before == client.get("/v2/models/hornet").json()


def test_wrong_models_are_told_at_once(make_artifact, tmp_path, encoded):
    """An app isn't made with a missing model, or with one that fails its golden examples."""
    jpeg = base64.b64encode(encoded((255, 0, 0), form="JPEG")).decode()
    liar = make_artifact(tmp_path / "a.onnx", golden=[{"name": "red", "jpeg": jpeg, "probability": 0.1}])

    with pytest.raises(ArtifactIncompatible, match="golden examples"):
        create_app(ServeSettings(model=str(liar)))
    with pytest.raises(ArtifactMissing):
        create_app(ServeSettings(model=str(tmp_path / "none.onnx")))
