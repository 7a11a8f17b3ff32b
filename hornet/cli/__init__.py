"""The command line. Command bodies import what they need, so that ``--help`` is instant."""

from __future__ import annotations

import copy
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import typer

from hornet.cli import (
    calibrate,
    data,
    evaluate,
    export,
    lab,
    models,
    predict,
    report,
    retrain,
    review,
    serve,
    summarize,
    train,
    watch,
)
from hornet.cli.common import Exit, say
from hornet.errors import HornetError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="hornet",
    help="Tells whether at least one Asian hornet (Vespa velutina) is in a picture.",
    no_args_is_help=True,
    # Plain help and plain tracebacks: rich would double the time that a single prediction takes.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(show: bool) -> None:
    if show:
        typer.echo(f"hornet {import_module('hornet').__version__}")
        raise typer.Exit


@app.callback()
def _hornet(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Tells whether at least one Asian hornet (Vespa velutina) is in a picture."""


app.command()(predict.predict)
app.command()(watch.watch)
app.command()(summarize.summarize)
app.command()(serve.serve)
app.command()(review.review)
app.command()(train.train)
app.command()(export.export)
app.command()(evaluate.evaluate)
app.command()(report.report)
app.command()(calibrate.calibrate)
app.command()(retrain.retrain)
app.add_typer(data.app, name="data")
app.add_typer(lab.app, name="lab")
app.add_typer(models.app, name="models")

#: Packages of the ``train`` extra, as their import fails.
_TRAIN = frozenset(
    (
        "torch",
        "torchvision",
        "albumentations",
        "onnx",
        "onnxscript",
        "sklearn",
        "scipy",
        "safetensors",
        "pydantic",
        "tomli_w",
        "matplotlib",
    )
)


def needed(arguments: Sequence[str]) -> typer.Typer:
    """Return the app with the one command that is asked for; whole where none is, as for help or a slip of the pen.

    typer evaluates every flag of every command at each start: a tenth of the time of a cold prediction.

    Args:
        arguments: What follows the program's name.
    """
    name = arguments[0] if arguments else ""
    commands = [one for one in app.registered_commands if one.callback and one.callback.__name__ == name]
    groups = [one for one in app.registered_groups if one.name == name]
    if not commands and not groups:
        return app
    part = copy.copy(app)
    part.registered_commands, part.registered_groups = commands, groups
    return part


def main() -> NoReturn:
    """Run the command line; errors raised on purpose become one sentence and an exit code."""
    try:
        needed(sys.argv[1:])(windows_expand_args=False)  # sources expand globs themselves, on every system
    except HornetError as error:
        say(f"hornet: {error}")
        sys.exit(Exit.FAILED)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _TRAIN:
            raise
        say(f"hornet: {MissingExtra('train', f'this command ({package} is missing)')}")
        sys.exit(Exit.FAILED)
    except KeyboardInterrupt:
        say("hornet: interrupted")
        sys.exit(130)
    sys.exit(Exit.DONE)
