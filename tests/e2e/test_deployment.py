"""The container's files agree with each other and with the app; no container engine is needed here."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from hornet.serving.app import create_app
from hornet.serving.settings import ServeSettings, variable

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
#: The health check's command.
HEALTH: list[str] = json.loads(
    re.findall(r"^HEALTHCHECK .*\\\n\s*CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[0]
)


def locked(name: str) -> dict[str, Version]:
    """Return the versions that a list in requirements/ names."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    pairs = (re.match(r"([a-z0-9._-]+)==([^ ;]+)", line) for line in lines)
    return {pair[1]: Version(pair[2]) for pair in pairs if pair}


def wanted(*extras: str) -> list[Requirement]:
    """Return what pyproject asks for on Linux."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = project["dependencies"] + [
        text for extra in extras for text in project["optional-dependencies"][extra]
    ]
    return [Requirement(text) for text in texts]


def agree(requirements: list[Requirement], versions: dict[str, Version]) -> dict[str, bool]:
    """Say of every requirement whether the lock has a version that fits."""
    return {
        one.name: one.name in versions and one.specifier.contains(versions[one.name]) for one in requirements
    }


def test_lock_fits():
    """Every dependency of pyproject is locked at a version that it allows; else run scripts/lock.sh."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    asked = agree(wanted("serve"), locked("serve")) | agree(
        [Requirement(text) for text in build], locked("build")
    )

    assert dict.fromkeys(asked, True) == asked


@pytest.mark.parametrize("name", ["serve", "build"])
def test_lock_hashes(name):
    """Every locked package has hashes, and none of them is a training library."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    entries = re.split(r"\n(?=[a-z])", text)
    bare = [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry]

    assert [] == bare
    assert set() == locked(name).keys() & {"torch", "torchvision", "albumentations", "onnx", "scikit-learn"}


def test_dockerfile_agrees_with_the_app():
    """The image exposes the port that the server listens on by default, and asks an address that it answers."""
    addresses = re.findall(r"'GET', '([^']+)'", HEALTH[-1])

    assert [str(ServeSettings().port)] == re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    assert str(ServeSettings().port) in HEALTH[-1]
    assert {"/v2/health/ready"} == set(addresses)


@pytest.fixture
def health_check():
    """Return a function that runs the image's health check against a port."""

    def check(port: int) -> int:
        environment = {
            "PATH": os.environ["PATH"],
            "HORNET_PORT": str(port),
            "http_proxy": "http://127.0.0.1:9",
        }
        command = [sys.executable, *HEALTH[1:]]
        return subprocess.run(
            command, env=environment, capture_output=True, timeout=30, check=False
        ).returncode

    return check


def test_health_check(make_artifact, tmp_path, health_check):
    """The image's health check passes while the server runs, whatever hosts it answers to, and fails afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hornet", "serve", "--model", str(make_artifact(tmp_path / "tiny.onnx"))],
        env=os.environ | {"HORNET_PORT": "0", "HORNET_ALLOWED_HOSTS": "hornet.example.org"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        port = int(process.stdout.readline().rpartition(":")[2])
        while_running = health_check(port)
        process.terminate()
        ended = process.wait(30)
    afterwards = health_check(port)

    assert (0, 0, 1) == (while_running, ended, afterwards)


def test_health_check_of_a_silent_port(health_check):
    """A port where nobody answers fails the health check instead of holding it for ever."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]

        assert 1 == health_check(port)


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_compose_is_closed(name):
    """Every service has a read-only root, no capability but a named one, and limits; no tag floats."""
    service = COMPOSE["services"][name]
    facts = (
        service["read_only"],
        service["cap_drop"],
        service.get("cap_add", []),
        service["security_opt"],
        "mem_limit" in service and "pids_limit" in service,
        service["image"].endswith(":latest"),
    )

    ports = ["NET_BIND_SERVICE"] if name == "proxy" else []
    assert (True, ["ALL"], ports, ["no-new-privileges:true"], True, False) == facts


def test_compose_names_what_is_there():
    """Variables are the server's, mounted files exist, named volumes are declared, the server has no way out."""
    server = COMPOSE["services"]["hornet"]
    known = {variable(field.name) for field in dataclasses.fields(ServeSettings)}
    sources = [entry.split(":")[0] for one in COMPOSE["services"].values() for entry in one["volumes"]]
    files = [source for source in sources if source.startswith("./")]

    assert set() == set(server["environment"]) - known
    assert [] == [file for file in files if not (ROOT / file).is_file()]
    assert set(COMPOSE["volumes"]) == set(sources) - set(files)
    assert (["inside"], True, True) == (
        server["networks"], COMPOSE["networks"]["inside"]["internal"], "ports" not in server
    )  # fmt: skip


def test_proxy_and_prometheus_ask_the_server():
    """Both know the server by its service's name and port, and Prometheus scrapes an address that exists."""
    caddy = (ROOT / "deploy/Caddyfile").read_text()
    scrape = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())["scrape_configs"][0]
    target = f"hornet:{ServeSettings().port}"
    key = Path(scrape["authorization"]["credentials_file"])

    assert [target] == re.findall(r"reverse_proxy (\S+)", caddy)
    assert [ServeSettings().max_body_bytes] == [
        int(size) * 1024 * 1024 for size in re.findall(r"max_size (\d+)MiB", caddy)
    ]
    assert [target] == scrape["static_configs"][0]["targets"]
    assert ["/run/secrets"] + COMPOSE["services"]["prometheus"]["secrets"] == [str(key.parent), key.name]
    assert [str(ServeSettings().port)] == COMPOSE["services"]["hornet"]["expose"]


def test_metrics_exist(make_artifact, tmp_path):
    """Prometheus' address is a route of the app, and every alert is about a metric that the server has."""
    app = create_app(ServeSettings(model=str(make_artifact(tmp_path / "tiny.onnx"))))
    scrape = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())["scrape_configs"][0]
    names = set(re.findall(r"hornet_\w+", (ROOT / "deploy/alerts.yml").read_text()))
    families = app.state.hornet.metrics.registry.collect()
    samples = {f"{one.name}_total" if one.type == "counter" else one.name for one in families}

    assert scrape["metrics_path"] in app.openapi()["paths"]
    assert names
    assert set() == names - samples
