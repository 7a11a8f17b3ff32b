"""`hornet export` says what it needs and what it wrote."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from hornet.cli import export
from hornet.errors import ConfigError


@pytest.fixture
def app():
    """Return the command as an application of its own."""
    app = typer.Typer()
    app.command()(export.export)
    return app


def test_help_names_what_is_written(app):
    """The help says which files come out, and what happens if they disagree."""
    text = CliRunner().invoke(app, ["--help"]).stdout

    for word in ("hornet-fp32.onnx", "hornet-int8.onnx", "--licence", "--json"):
        assert word in text


def test_a_folder_that_is_no_run_is_refused(app, tmp_path):
    """An empty folder is no run; the message says how to get one."""
    result = CliRunner().invoke(app, [str(tmp_path)])

    assert isinstance(result.exception, ConfigError)
    assert "hornet train" in str(result.exception)
