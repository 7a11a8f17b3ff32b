"""What goes together with ``--engine ray``, and what doesn't."""

import pytest
from typer.testing import CliRunner

from hornet.cli import app


def run(*arguments):
    return CliRunner().invoke(app, ["predict", "a.jpg", *arguments])


RAY = ("--engine", "ray", "-o", "rows")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--engine", "ray"), "name it with --output"),
        (("--engine", "ray", "-o", "-"), "name it with --output"),
        ((*RAY, "--format", "csv"), "not csv"),
        ((*RAY, "--heatmaps", "maps"), "--heatmaps"),
        ((*RAY, "--sort-into", "sorted"), "--sort-into"),
        ((*RAY, "--every", "2s"), "--every"),
        ((*RAY, "--unknown"), "--unknown"),
        ((*RAY, "--exif"), "--exif"),
        ((*RAY, "--batch", "32", "--partition-size", "100"), "take 96"),
        (("--ray-address", "auto"), "is for --engine ray"),
        (("--partition-size", "64"), "is for --engine ray"),
        (("--engine", "spark"), "spark"),
    ],
)
def test_wrong_usage(arguments, words):
    """Flags that contradict each other are wrong usage, and the message names them."""
    result = run(*arguments)

    assert 2 == result.exit_code
    assert words in result.stderr


def test_missing_extra(monkeypatch):
    """Without Ray the message says what to install, before anything is looked for."""
    import hornet.cli.distributed

    monkeypatch.setattr(hornet.cli.distributed, "find_spec", lambda name: None if name == "ray" else object())
    result = run(*RAY)

    assert "pip install 'hornet-detector[ray]'" in str(result.exception)


@pytest.mark.parametrize("address", ["ray://host:1", "host", "host:x", ":6379", "http://host:1"])
def test_wrong_address(address, tiny_model, tmp_path):
    """What names no cluster is refused before anything is made."""
    result = run(
        "--engine", "ray", "-o", str(tmp_path / "rows"), "--ray-address", address, "--model", str(tiny_model)
    )

    assert "write HOST:PORT, or auto" in str(result.exception)
    assert not (tmp_path / "rows").exists()


def test_nothing_found(tiny_model, tmp_path):
    """A folder without pictures is an error, and no output is made."""
    result = CliRunner().invoke(
        app,
        [
            "predict",
            str(tmp_path),
            "--engine",
            "ray",
            "-o",
            str(tmp_path / "rows"),
            "--model",
            str(tiny_model),
        ],
    )

    assert "no pictures found" in str(result.exception)
    assert not (tmp_path / "rows").exists()
