"""``hornet review``: what it says before there is a page."""

import json
import sys

import pytest
from typer.testing import CliRunner

from hornet.cli import app
from hornet.errors import ConfigError, MissingExtra


def _run(*arguments):
    return CliRunner().invoke(app, ["review", "--no-browser", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path, encoded):
    """Return a folder with one picture."""
    folder = tmp_path / "cam"
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded((255, 0, 0)))
    return folder


def test_mistakes_are_told(folder, tiny_model, tmp_path):
    """What isn't there, holds no picture, or is no result is a sentence that says what to name."""
    (tmp_path / "empty").mkdir()
    (folder / "rows.csv").write_text("path,label\na.png,present\n")
    for source, says in (
        (tmp_path / "nothing", "isn't there. Name a folder"),
        (tmp_path / "empty", "no picture to look at"),
        (folder / "rows.csv", "has no probability"),
    ):
        result = _run(source, "--model", tiny_model)

        assert isinstance(result.exception, ConfigError)
        assert says in str(result.exception)


def test_a_batch_when_all_is_answered(folder, tiny_model):
    """Where every picture has its answer there is no page: it says so and ends."""
    (folder / "reviewed.csv").write_text("path,label\na.png,present\n")
    result = _run(folder, "--model", tiny_model, "--batch", 5, "--json", "-")

    assert 0 == result.exit_code
    assert "every picture of" in result.stderr
    assert (1, 0) == tuple(json.loads(result.stdout)[name] for name in ("present", "absent"))


def test_without_the_extra(folder, tiny_model, monkeypatch):
    """Without the packages of the extra it says which installation mends it."""
    monkeypatch.delitem(sys.modules, "hornet.review.run", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = _run(folder, "--model", tiny_model)

    assert isinstance(result.exception, MissingExtra)
    assert "hornet-detector[serve]" in str(result.exception)
