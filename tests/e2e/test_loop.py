"""The loop on real pictures: predict where the model never was, review, retrain, switch, roll back."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hornet.dataset import read_manifest, write_manifest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hornet(tmp_path):
    """Return a function that runs a command as users do, with a registry of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HORNET_")}
    environment = kept | {
        "PYTHONPATH": str(ROOT),
        "HORNET_REGISTRY": str(tmp_path / "registry"),
        "HORNET_CACHE": "none",
        "OMP_NUM_THREADS": "1",
    }

    def run(*arguments, codes=(0,)):
        command = [sys.executable, "-m", "hornet", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=900
        )
        assert done.returncode in codes, done.stderr
        return done.stdout

    run.environment = environment  # type: ignore[attr-defined]  # for what stays running
    return run


@pytest.fixture
def home_run(hornet, tmp_path, real_data, real_weights):
    """Return a run that knows one source: a head on frozen ImageNet features, some hundred pictures of portal."""
    everything = read_manifest(real_data)
    portal = [record for record in everything.records if record.source == "portal"]
    chosen = np.random.default_rng(0).permutation(len(portal))[:400]
    data = dataclasses.replace(everything, records=tuple(portal[at] for at in sorted(chosen)))
    write_manifest(data, tmp_path / "portal.csv")
    hornet(
        "train", "portal.csv", "--out", "run", "--weights", real_weights, "--epochs", 0, "--head-epochs", 4,
        "--size", "128x128", "--augment", "none", "--threads", 1, "--workers", 0,
    )  # fmt: skip
    return tmp_path / "run"


def take_pictures(real_data, folder):
    """Copy pictures of a source that the model never saw; return the truth by file name."""
    records = [record for record in read_manifest(real_data).records if record.source == "web"]
    chosen = np.random.default_rng(0).permutation(len(records))[:48]
    folder.mkdir()
    truth = {}
    for number, at in enumerate(chosen.tolist()):
        name = f"{number:02}{records[at].path.suffix.lower()}"
        shutil.copy(records[at].path, folder / name)
        truth[name] = records[at].label
    return truth


def review(browser, shown, command, environment, truth):
    """Answer every picture as its collector did, by keyboard."""
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(process.stdout.readline().strip())
        for place in range(1, len(truth) + 1):
            shown(page, place)
            name = page.locator("#facts bdi").first.inner_text().rpartition("/")[2]
            page.keyboard.press("p" if truth[name] else "a")
        page.locator("#end").get_by_role("button", name="Done").click()
        page.close()
        process.wait(60)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def server(hornet, tmp_path):
    """Start ``hornet serve`` on the registry; return a function that sends it pictures."""
    import httpx

    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hornet", "serve", "--port", "0"],
            env=hornet.environment | {"HORNET_WATCH_SECONDS": "0.2"},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

    def ask(folder):
        """Return the version of the model that answers, and its answers as they were sent."""
        files = [("files", (path.name, path.read_bytes())) for path in sorted(folder.iterdir())[:6]]
        document = httpx.post(f"{url}/predict", files=files, timeout=120).json()
        return document["model"]["version"], [
            (one["label"], one["probability"]) for one in document["results"]
        ]

    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert url.startswith("http://127.0.0.1:"), (tmp_path / "log").read_text()
    yield ask
    process.terminate()
    process.communicate(timeout=60)


def until(condition):
    """Wait until a condition holds."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.realdata
def test_the_loop(  # noqa: PLR0917 - fixtures
    hornet, home_run, browser, shown, real_data, tmp_path, request
):
    """Predicted, reviewed in a browser, retrained, promoted as no worse, taken over by the server, and rolled back."""
    garden = tmp_path / "garden"
    truth = take_pictures(real_data, garden)
    first = json.loads(hornet("models", "import", home_run, "--json", "-"))["id"]
    hornet("models", "promote", first)
    hornet("predict", "garden", "-o", "garden.csv")
    results = tmp_path / "garden.csv"
    command = [sys.executable, "-m", "hornet", "review", str(results), "--no-browser", "--source", "garden"]
    review(browser, shown, command, hornet.environment, truth)
    reviewed = read_manifest(tmp_path / "garden-reviewed.csv")
    ask = request.getfixturevalue("server")
    before = ask(garden)
    told = json.loads(
        hornet("retrain", "garden-reviewed.csv", "--yes", "--out", "again", "--json", "-", codes=(0, 4))
    )
    second = told["challenger"]
    losses = [told[part]["differences"]["accuracy"]["value"] for part in ("own", "earlier")]

    assert truth == {record.path.name: record.label for record in reviewed.records}
    assert {"garden"} == {record.source for record in reviewed.records}
    assert first == before[0]
    assert told["promoted"], told["reason"]
    assert min(losses) >= -0.02
    until(lambda: ask(garden)[0] == second)
    hornet("predict", "garden", "-o", "after.csv")
    assert results.read_bytes() != (tmp_path / "after.csv").read_bytes()
    assert {"champion": first} == json.loads(hornet("models", "rollback", "--json", "-"))
    until(lambda: ask(garden)[0] == first)
    assert before == ask(garden)
    hornet("predict", "garden", "-o", "restored.csv")
    assert results.read_bytes() == (tmp_path / "restored.csv").read_bytes()
