"""``hornet data fetch`` as people run it: dry, killed, and again."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hornet.cli import app
from hornet.errors import ConfigError, HornetError

ROOT = Path(__file__).parents[4]


def _run(*arguments, **options):
    return CliRunner().invoke(app, ["data", "fetch", *map(str, arguments)], **options)


def _rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_dry_run_counts_and_writes_nothing(gbif, tmp_path):
    """With --dry-run the taxa and their counts are told, also as JSON, and there is no folder and no picture."""
    for key in range(3):
        gbif.add("Vespa velutina", key + 1)
    arguments = (
        tmp_path / "out",
        "--present",
        "Vespa velutina",
        "--absent",
        "Bombus",
        "--dry-run",
        "--json",
        "-",
    )
    result = _run(*arguments, "--rate", 10, env={"HORNET_GBIF_URL": gbif.base})
    told = json.loads(result.stdout)

    assert 0 == result.exit_code
    assert "present  Vespa velutina: 3 observations with pictures" in result.stderr
    assert [3, 0] == [taxon["observations"] for taxon in told["taxa"]]
    assert not (tmp_path / "out").exists()
    assert not any(gbif.asked[path] for path in gbif.pictures)


def test_fewer_than_asked_for(gbif, tmp_path):
    """A class that GBIF can't fill is exit code 3 with the number that is missing; the contact is told to servers."""
    gbif.add("Vespa velutina", 1)
    gbif.add("Bombus", 2)
    arguments = (tmp_path / "out", "--present", "Vespa velutina", "--absent", "Bombus", "--per-class", 2)
    result = _run(*arguments, "--rate", 10, "--base-url", gbif.base, "--contact", "me@example.org")

    assert 3 == result.exit_code
    assert "present: 1 fewer than asked for" in result.stderr
    assert 2 == len(_rows(tmp_path / "out" / "manifest.csv"))
    assert all(agent.endswith("(me@example.org)") for agent in gbif.agents)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--present", " , "], "names no taxon"),
        (["--present", "Vespa velutina", "--licence", "free"], "name some of cc0"),
        (["--present", "Vespa velutina", "--base-url", "gbif.org"], "is no http"),
        (["--present", "Vespa velutina", "--contact", "ü\n"], "in plain letters"),
        (
            ["--present", "Vespa velutina", "--base-url", "http://127.0.0.1:9/nothing", "--rate", "10"],
            "can't be asked",
        ),
    ],
)
def test_mistakes_are_told(arguments, says, tmp_path, monkeypatch):
    """What can't be done is told in a sentence, before anything is written."""
    monkeypatch.setattr("hornet.dataset.gbif.web._FIRST_WAIT", 0.0)
    result = _run(tmp_path / "out", *arguments)

    assert isinstance(result.exception, ConfigError | HornetError)
    assert says in str(result.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is another thing there")
def test_killed_and_run_again(gbif, tmp_path):
    """After kill -9 the same command goes on: what was on the disk isn't fetched again, and every picture has its row."""
    for key in range(12):
        gbif.add("Vespa velutina", key + 1)
    gbif.held_from = 5
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "hornet",
        "data",
        "fetch",
        out,
        "--present",
        "Vespa velutina",
        "--rate",
        "10",
    ]
    command += ["--per-class", "12", "--base-url", gbif.base]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    def on_disk():
        return sorted(path for path in out.glob("present/*/*") if not path.name.startswith("."))

    process = subprocess.Popen([str(part) for part in command], env=environment, stderr=subprocess.DEVNULL)
    while len(on_disk()) < gbif.held_from:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)  # while it waits for the sixth
    process.wait(20)
    gbif.gate.set()
    before = on_disk()
    done = subprocess.run(
        [str(part) for part in command],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    rows = _rows(out / "manifest.csv")
    fetched = {
        path.name.partition("-")[0]: gbif.asked[f"/photos/{path.name.partition('-')[0]}-0.jpeg"]
        for path in before
    }

    assert 0 == done.returncode
    assert 5 == len(before)
    assert {1} == set(fetched.values())
    assert sorted(row["path"] for row in rows) == sorted(
        path.relative_to(out).as_posix() for path in on_disk()
    )
    assert 12 == len(rows) == len({row["sha256"] for row in rows})
