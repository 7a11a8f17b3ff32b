"""Only the command that is asked for is built."""

import pytest
from typer.testing import CliRunner

from hornet.cli import app, needed


def _names(part):
    return [one.callback.__name__ for one in part.registered_commands] + [
        one.name for one in part.registered_groups
    ]


@pytest.mark.parametrize("name", _names(app))
def test_each_command_alone_is_what_it_is_among_all(name):
    """Help of a command, or group of commands, has the same text, with nothing else built."""
    part = needed([name, "--help"])

    assert [name] == _names(part)
    assert (
        CliRunner().invoke(app, [name, "--help"]).output == CliRunner().invoke(part, [name, "--help"]).output
    )


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--version"], ["predcit", "a.jpg"]])
def test_without_a_command_all_are_there(arguments):
    """Help lists every command, and a slip of the pen is told what it may have meant."""
    assert app is needed(arguments)
